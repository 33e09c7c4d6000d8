/// The agent does not keep to its protocol: nothing more of it can be believed.
package enum AgentFault: Error, Hashable, Sendable {
    /// A frame's length is below 5 or above 262,144.
    case length(UInt32)
    case unknownKind(UInt8)
    /// A body that is shorter or longer than its fields, or holds a value that none may have.
    case malformed(UInt8)
    /// A frame that has no place there: an id nobody gave, an answer to nothing, DATA after END.
    case unexpected(kind: UInt8, id: UInt32)
    /// More DATA than the window of this id allows, or a window beyond 32 bits.
    case window(UInt32)
    /// More accepted connections than anybody may have open.
    case tooManyConnections
}
