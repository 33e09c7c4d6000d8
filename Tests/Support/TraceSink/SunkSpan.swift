/// A span as a collector receives it.
package struct SunkSpan: Sendable, Hashable {
    package enum Value: Sendable, Hashable {
        case string(String)
        case integer(Int64)
        case bool(Bool)
    }

    /// `service.name` of the process that sent it.
    package var service: String
    package var trace: String
    package var id: String
    /// `nil` for a root.
    package var parent: String?
    package var state: String
    package var flags: Int
    package var name: String
    /// 1...5: internal, server, client, producer, consumer.
    package var kind: Int
    package var start: UInt64
    package var end: UInt64
    package var attributes: [String: Value]
    /// 0: unset, 1: fine, 2: failed.
    package var status: Int

    /// The text of an attribute.
    package func text(_ key: String) -> String? {
        guard case .string(let text) = attributes[key] else { return nil }
        return text
    }
}
