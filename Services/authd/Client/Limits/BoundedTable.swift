/// A dictionary that holds at most so many entries and knows which was not used for the longest
/// time. Every operation takes constant time.
package struct BoundedTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Node {
        var key: Key
        var value: Value
        var older: Int?
        var newer: Int?
    }

    /// 1 or more.
    package let capacity: Int
    private var places: [Key: Int] = [:]
    private var nodes: [Node?] = []
    private var free: [Int] = []
    private var oldest: Int?
    private var newest: Int?

    package init(capacity: Int) {
        self.capacity = max(capacity, 1)
    }

    package var count: Int { places.count }
    package var isFull: Bool { places.count >= capacity }
    package var keys: some Collection<Key> { places.keys }

    /// The value of a key; looking does not count as use.
    package subscript(key: Key) -> Value? { places[key].flatMap { nodes[$0]?.value } }

    /// The entry that was not set for the longest time.
    package var last: (key: Key, value: Value)? {
        oldest.flatMap { nodes[$0] }.map { ($0.key, $0.value) }
    }

    /// Sets a value and makes its key the most recently used. A full table forgets the one that
    /// was not used for the longest time.
    package mutating func set(_ key: Key, _ value: Value) {
        if let place = places[key] {
            unlink(place)
            nodes[place]?.value = value
            append(place)
            return
        }
        if isFull, let last { remove(last.key) }
        let node = Node(key: key, value: value, older: nil, newer: nil)
        let place: Int
        if let reused = free.popLast() {
            place = reused
            nodes[place] = node
        } else {
            place = nodes.count
            nodes.append(node)
        }
        places[key] = place
        append(place)
    }

    package mutating func remove(_ key: Key) {
        guard let place = places.removeValue(forKey: key) else { return }
        unlink(place)
        nodes[place] = nil
        free.append(place)
    }

    package mutating func removeAll() { self = BoundedTable(capacity: capacity) }

    private mutating func append(_ place: Int) {
        nodes[place]?.older = newest
        nodes[place]?.newer = nil
        if let newest { nodes[newest]?.newer = place }
        newest = place
        if oldest == nil { oldest = place }
    }

    private mutating func unlink(_ place: Int) {
        guard let node = nodes[place] else { return }
        if let older = node.older { nodes[older]?.newer = node.newer } else { oldest = node.newer }
        if let newer = node.newer { nodes[newer]?.older = node.older } else { newest = node.older }
    }
}
