/// What can be wrong with a recording's file.
package enum RecordingFault: Sendable, Hashable {
    /// It begins with other bytes than a recording does.
    case notARecording
    /// It is of a version that is not known.
    case version
    /// It ends within its header or, in version 1, within its messages. (Version 2 may end
    /// anywhere while the session runs.)
    case truncated
    /// Its bytes can't be decompressed or decoded.
    case damaged
    /// A message of a type that is not known; in version 2 nothing after it is read.
    case unknownType
}
