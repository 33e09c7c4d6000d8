/// Fills a section from a tree and notes everything that does not fit.
struct ConfigReader: ConfigVisitor {
    private let map: [String: ConfigTree]
    private let path: String
    private var known: Set<String> = []
    private(set) var problems: [ConfigProblem] = []

    /// Reads `tree` into a section that starts from its defaults, or from what it holds already.
    static func read<Section: ConfigSection>(
        _ tree: ConfigTree,
        into section: inout Section,
        at path: String
    ) -> [ConfigProblem] {
        guard case .map(let map) = tree else {
            return tree == .null
                ? [] : [ConfigProblem(path, value: tree.summary, "must be a map")]
        }
        var reader = ConfigReader(map: map, path: path)
        section.visit(&reader)
        reader.noteUnknownKeys()
        return reader.problems
    }

    private init(map: [String: ConfigTree], path: String) {
        self.map = map
        self.path = path
    }

    mutating func field<Value: ConfigValue>(_ key: String, _ value: inout Value) {
        guard let tree = take(key) else { return }
        guard let read = Value.read(tree, at: join(path, key), problems: &problems) else { return }
        value = read
    }

    mutating func section<Section: ConfigSection>(
        _ key: String,
        _ section: inout Section,
        checked: Bool
    ) {
        guard let tree = take(key) else { return }
        problems += Self.read(tree, into: &section, at: join(path, key))
    }

    mutating func sections<Section: ConfigSection>(_ key: String, _ list: inout [Section]) {
        guard let tree = take(key) else { return }
        guard case .list(let items) = tree else {
            problems.append(
                ConfigProblem(join(path, key), value: tree.summary, "must be a list")
            )
            return
        }
        list = items.enumerated().map { index, item in
            var section = Section()
            problems += Self.read(item, into: &section, at: "\(join(path, key))[\(index)]")
            return section
        }
    }

    /// The value of a key; `null` stands for the default and so counts as absent.
    private mutating func take(_ key: String) -> ConfigTree? {
        known.insert(key)
        return map[key] == .null ? nil : map[key]
    }

    private mutating func noteUnknownKeys() {
        for key in map.keys.sorted() where !known.contains(key) {
            // No value: a misspelt key may hold a secret.
            var rule = "is not a known key"
            if let near = Spelling.nearest(to: key, among: known) { rule += ", maybe \(near)" }
            problems.append(ConfigProblem(join(path, key), rule))
        }
    }
}

/// Finds the key that was probably meant.
enum Spelling {
    static func nearest(to word: String, among known: some Sequence<String>) -> String? {
        let limit = max(1, word.count / 3)
        let candidates = known.map { (distance(folded(word), folded($0)), $0) }
        return candidates.filter { $0.0 <= limit }.min { $0 < $1 }?.1
    }

    /// Whether two keys differ only in case, hyphens and underscores.
    static func folded(_ key: String) -> String {
        key.lowercased().filter { $0 != "-" && $0 != "_" }
    }

    /// Levenshtein's distance; words beyond 64 characters count as far away.
    private static func distance(_ left: String, _ right: String) -> Int {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        guard left.count <= 64, right.count <= 64 else { return .max }
        var row = Array(0...right.count)
        for (index, byte) in left.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in right.indices {
                let replaced = diagonal + (byte == right[column] ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replaced, row[column] + 1, diagonal + 1)
            }
        }
        return row[right.count]
    }
}
