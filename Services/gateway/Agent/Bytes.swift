import CAgent

/// Bytes that wait to be written, first in, first out.
struct ByteQueue {
    private var bytes: [UInt8] = []
    private var start = 0

    var count: Int { bytes.count - start }
    var isEmpty: Bool { count == 0 }

    mutating func append(_ more: [UInt8]) {
        compact()
        bytes.append(contentsOf: more)
    }

    mutating func append(_ more: ArraySlice<UInt8>) {
        compact()
        bytes.append(contentsOf: more)
    }

    mutating func removeAll() {
        bytes = []
        start = 0
    }

    mutating func drop(_ count: Int) {
        start += count
        if start >= bytes.count { removeAll() }
    }

    /// The first `length` bytes, which must be there.
    func prefix(_ length: Int) -> ArraySlice<UInt8> { bytes[start..<start + length] }

    subscript(_ index: Int) -> UInt8 { bytes[start + index] }

    /// Writes as much as the descriptor takes now: how many bytes, or -errno.
    mutating func write(to descriptor: Int32) -> Int {
        let written = unsafe bytes.withUnsafeBytes { all in
            guard let base = all.baseAddress else { return 0 }
            return unsafe agent_write(descriptor, base + start, all.count - start)
        }
        if written > 0 { drop(written) }
        return written
    }

    /// Bytes at the front that were written already are given back when they are most of it.
    private mutating func compact() {
        guard start > 65536, start > bytes.count / 2 else { return }
        bytes.removeFirst(start)
        start = 0
    }
}

/// Reads at most `room` bytes; the count is 0 at the end and -errno for a failure.
func readBytes(_ descriptor: Int32, _ room: Int) -> (bytes: [UInt8], count: Int) {
    var count = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: room) { buffer, filled in
        guard let base = buffer.baseAddress else { return }
        count = unsafe agent_read(descriptor, base, room)
        filled = max(count, 0)
    }
    return (bytes, count)
}

/// Writes all of it, waiting where the descriptor blocks: 0 or -errno.
func writeAll(_ descriptor: Int32, _ bytes: [UInt8]) -> Int {
    var queue = ByteQueue()
    queue.append(bytes)
    while !queue.isEmpty {
        let written = queue.write(to: descriptor)
        if written < 0 { return written }
    }
    return 0
}

/// The bytes of a text that stands in the program.
func bytes(_ text: StaticString) -> [UInt8] {
    unsafe Array(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
}

/// The bytes of a C string, without its NUL; `nil` for NULL.
func bytes(cString: UnsafePointer<CChar>?) -> [UInt8]? {
    guard let cString = unsafe cString else { return nil }
    var result: [UInt8] = []
    var at = unsafe cString
    while unsafe at.pointee != 0 {
        result.append(UInt8(bitPattern: unsafe at.pointee))
        unsafe at += 1
    }
    return result
}

/// Calls `body` with a NUL-terminated copy.
func withCString<Value>(_ bytes: [UInt8], _ body: (UnsafePointer<CChar>) -> Value) -> Value {
    unsafe (bytes + [0]).withUnsafeBufferPointer { buffer in
        unsafe buffer.withMemoryRebound(to: CChar.self) { characters in
            // The array is never empty.
            unsafe body(characters.baseAddress.unsafelyUnwrapped)
        }
    }
}

/// Calls `body` with a NULL-terminated list of NUL-terminated copies, as execve(2) wants them.
func withCStrings<Value>(
    _ list: [[UInt8]],
    _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Value
) -> Value {
    var characters: [CChar] = []
    var offsets: [Int] = []
    for one in list {
        offsets.append(characters.count)
        for byte in one { characters.append(CChar(bitPattern: byte)) }
        characters.append(0)
    }
    characters.append(0)
    return unsafe characters.withUnsafeMutableBufferPointer { buffer in
        let base = unsafe buffer.baseAddress.unsafelyUnwrapped
        var pointers: [UnsafeMutablePointer<CChar>?] = unsafe offsets.map { unsafe base + $0 }
        unsafe pointers.append(nil)
        return unsafe pointers.withUnsafeBufferPointer { list in
            unsafe body(list.baseAddress.unsafelyUnwrapped)
        }
    }
}

/// What the system calls a failure.
func errorText(_ number: Int32) -> [UInt8] {
    unsafe bytes(cString: agent_error_text(number)) ?? []
}

func printLine(_ descriptor: Int32, _ text: [UInt8]) {
    // Nobody is left to tell when this fails.
    _ = writeAll(descriptor, text + [UInt8(ascii: "\n")])
}
