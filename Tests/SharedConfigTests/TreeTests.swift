import SharedConfig
import Testing

@Suite("Trees from text")
struct TreeTests {
    @Test(
        "a plain scalar is what it is normally written as, else its text",
        arguments: [
            ("22", ConfigTree.integer(22)), ("-1", .integer(-1)), ("1.5", .double(1.5)),
            ("true", .bool(true)), ("false", .bool(false)), ("~", .null), ("null", .null),
            ("007", .string("007")), ("1.20", .string("1.20")), ("yes", .string("yes")),
            ("0x10", .string("0x10")), ("'22'", .string("22")), ("!!str 22", .string("22")),
            ("99999999999999999999", .string("99999999999999999999")), (".inf", .string(".inf")),
        ]
    )
    func scalars(text: String, expected: ConfigTree) throws {
        #expect(try yaml("key: \(text)")["key"] == expected)
    }

    @Test(
        "an empty text, comments and an empty document are an empty map",
        arguments: ["", "\n", "# nothing\n", "---\n", "{}"]
    )
    func empty(text: String) throws {
        #expect(problems(text) == [])
    }

    @Test("only the first document of a text is read")
    func documents() throws {
        #expect(try yaml("a: 1\n---\na: 2\n") == ["a": 1])
    }

    @Test("aliases and merge keys are followed, own keys win")
    func merge() throws {
        let tree = try yaml("base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\n")
        #expect(tree["use"] == ["x": 1, "y": 3])
    }

    @Test(
        "malformed JSON is refused",
        arguments: [
            "{", "[1,]", #"{"a":1,}"#, "01", "1.", "-", "1e", "tru", #""\x""#, #""\u12""#, #""a"#,
            "\"\u{1}\"", "{'a':1}", "1 2", "[1 2]", "{1:2}", #"{"a" 1}"#, "+1", "NaN", "1e999", "",
            #""\u+123""#,
        ]
    )
    func malformed(text: String) {
        #expect(throws: ConfigProblems.self) { try json(text) }
    }

    @Test(
        "JSON values are read",
        arguments: [
            (#""\ud83d\ude00\n\/\"""#, ConfigTree.string("😀\n/\"")),
            (#""\ud83dx""#, .string("\u{FFFD}x")), (#""\ud83d\u0041""#, .string("\u{FFFD}A")),
            ("-0", .integer(0)), ("1.5e1", .double(15)), (" [ ] ", .list([])),
            ("9223372036854775807", .integer(.max)),
            ("9223372036854775808", .double(9_223_372_036_854_775_808)),
        ]
    )
    func values(text: String, expected: ConfigTree) throws {
        #expect(try json(text) == expected)
    }

    @Test("JSON that is cut at any byte is refused and never traps")
    func truncated() throws {
        let text = Array(#"{"a":[1,-2.5e3,{"b":"\u00e4\n"}],"c":null,"d":true}"#.utf8)
        for length in 0..<text.count {
            #expect(throws: ConfigProblems.self) { try JSONTree.parse(Array(text[..<length])) }
        }
        #expect(throws: Never.self) { try JSONTree.parse(text) }
    }

    @Test("what is written as JSON reads back the same")
    func roundTrip() throws {
        let tree: ConfigTree = ["a": ["x\u{1}\"\\\n", 1, 2.5, true, .null], "ä": [:]]
        #expect(try json(tree.json) == tree)
    }

    @Test("a key given twice is refused, in JSON and in YAML")
    func duplicates() {
        #expect(throws: ConfigProblems.self) { try json(#"{"a":1,"a":2}"#) }
        #expect(problems("ssh:\n  listen: a\nssh:\n  listen: b\n").first?.contains("ssh") == true)
    }

    @Test(
        "deep nesting is refused in every style",
        arguments: [66, 500, 600, 100_000]
    )
    func deep(depth: Int) {
        let brackets = String(repeating: "[", count: depth)
        let closed = brackets + String(repeating: "]", count: depth)
        #expect(throws: ConfigProblems.self) { try json(brackets) }
        #expect(throws: ConfigProblems.self) { try json(closed) }
        #expect(throws: ConfigProblems.self) { try yaml(closed) }
        #expect(throws: ConfigProblems.self) { try yaml(String(repeating: "{a: ", count: depth)) }
        #expect(throws: ConfigProblems.self) {
            try yaml(String(repeating: "- ", count: depth) + "a")
        }
        #expect(throws: ConfigProblems.self) {
            try yaml(String(repeating: "? ", count: depth) + "a")
        }
        let lines = (0..<min(depth, 2000)).map { String(repeating: " ", count: $0) + "a:\n" }
        #expect(throws: ConfigProblems.self) { try yaml(lines.joined()) }
    }

    @Test("aliases that unfold to billions of values are refused")
    func bomb() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            let uses = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(uses)]\n"
        }
        #expect(throws: ConfigProblems.self) { try yaml(text) }
    }

    @Test("no input traps: bytes changed, cut and repeated at random")
    func random() {
        var generator = SplitMix(state: 42)
        let seeds = [
            #"{"ssh":{"listen":"a:1","macs":["x",1.5e3,null,true]},"\u00e4":{}}"#,
            "ssh: &a {listen: 'a:1'}\nlog:\n  - *a\n  - ? x\n    : |\n      text\n<<: *a\n",
        ].map { Array($0.utf8) }
        for round in 0..<4000 {
            var bytes = seeds[round % 2]
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.insert(contentsOf: bytes[place...].prefix(9), at: place)
                default: bytes = Array(bytes[...place])
                }
            }
            // Whether it loads does not matter here, only that an answer comes.
            for name in ["c.yaml", "c.json"] {
                _ = try? ConfigLoader.load(ConfigFile(path: name, bytes: bytes))
            }
        }
    }

    @Test("bytes that are not text are refused")
    func binary() {
        for bytes: [UInt8] in [[0xFF, 0xFE, 0x00], [0x00, 0x01], Array(0...255)] {
            #expect(throws: ConfigProblems.self) { try YAMLTree.parse(bytes) }
            #expect(throws: ConfigProblems.self) { try JSONTree.parse(bytes) }
        }
    }

    @Test("a text beyond the limit is refused before it is read")
    func huge() {
        let bytes = [UInt8](repeating: 0x20, count: TreeLimits.bytes + 1)
        #expect(throws: ConfigProblems.self) { try YAMLTree.parse(bytes) }
        #expect(throws: ConfigProblems.self) { try JSONTree.parse(bytes) }
    }

    @Test("a syntax error names its line and quotes nothing of the text")
    func quotesNothing() {
        let found = problems("auth:\n  secretKey: \"hunter2\n")
        #expect(found.count == 1)
        #expect(found.allSatisfy { $0.contains("line") && !$0.contains("hunter2") })
    }
}

/// Steele, Lea and Flood's generator: the same numbers in every run.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
