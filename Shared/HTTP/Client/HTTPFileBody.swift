/// A range of a file as the body of a call: read while it is sent, never held as a whole.
///
/// The bytes must not change meanwhile. The file is opened and read by the thread that does the
/// client's network work, so it should be on a disk of this machine.
package struct HTTPFileBody: Sendable, Hashable {
    package var path: String
    package var offset: UInt64
    /// Exactly this many bytes are sent; the call fails if there are fewer.
    package var length: UInt64

    package init(path: String, offset: UInt64, length: UInt64) {
        self.path = path
        self.offset = offset
        self.length = length
    }
}
