import CAgent

/// Bytes that wait to be written, first in, first out.
@safe struct ByteQueue: ~Copyable {
    private var base: UnsafeMutableRawPointer?
    private var capacity = 0
    private var start = 0
    private var end = 0
    /// As much memory is kept when nothing waits.
    private let keeps: Int

    init(keeps: Int = 0) { self.keeps = keeps }

    deinit { unsafe base?.deallocate() }

    var count: Int { end - start }
    var isEmpty: Bool { start == end }

    mutating func append(_ more: [UInt8]) { append(more[...]) }

    mutating func append(_ more: ArraySlice<UInt8>) {
        unsafe more.withUnsafeBytes { source in
            guard let from = source.baseAddress else { return }
            unsafe reserve(source.count).copyMemory(from: from, byteCount: source.count)
        }
        end += more.count
    }

    /// Appends a header and at most `room` bytes that are read now, without a further copy; nothing
    /// when there are none. Returns the count of the latter, 0 at the end, or -errno.
    mutating func append(
        from descriptor: Int32,
        room: Int,
        header: (_ count: Int) -> [UInt8],
        headerLength: Int
    ) -> Int {
        let place = unsafe reserve(headerLength + room)
        let count = unsafe agent_read(descriptor, place + headerLength, room)
        guard count > 0 else { return count }
        unsafe header(count).withUnsafeBytes { source in
            guard let from = source.baseAddress else { return }
            unsafe place.copyMemory(from: from, byteCount: min(source.count, headerLength))
        }
        end += headerLength + count
        return count
    }

    mutating func removeAll() {
        start = 0
        end = 0
        guard capacity > keeps else { return }
        unsafe base?.deallocate()
        unsafe base = nil
        capacity = 0
    }

    /// Writes as much as the descriptor takes now: how many bytes, or -errno.
    mutating func write(to descriptor: Int32) -> Int {
        guard let from = unsafe base, !isEmpty else { return 0 }
        let written = unsafe agent_write(descriptor, from + start, count)
        if written > 0 { start += written }
        if isEmpty { removeAll() }
        return written
    }

    /// Where `more` bytes can be put.
    private mutating func reserve(_ more: Int) -> UnsafeMutableRawPointer {
        if let base = unsafe base, capacity - end >= more { return unsafe base + end }
        if let base = unsafe base, capacity - count >= more, start >= count {
            // The front was written already, and what is moved does not overlap its place.
            unsafe base.copyMemory(from: base + start, byteCount: count)
            end -= start
            start = 0
            return unsafe base + end
        }
        return unsafe grow(more)
    }

    private mutating func grow(_ more: Int) -> UnsafeMutableRawPointer {
        let size = max(4096, 2 * count, count + more)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        if let base = unsafe base {
            unsafe larger.copyMemory(from: base + start, byteCount: count)
            unsafe base.deallocate()
        }
        unsafe base = unsafe larger
        capacity = size
        end = count
        start = 0
        return unsafe larger + end
    }
}

/// Bytes that were read and wait to be understood.
struct InputBuffer {
    private var bytes: [UInt8]
    private var start = 0
    private var end = 0

    /// `longest` is the length of the longest packet, which must fit.
    init(longest: Int) {
        // Not touched before it is read into, so that an idle agent stays small.
        bytes = unsafe [UInt8](unsafeUninitializedCapacity: longest + 256 * 1024) {
            $1 = $0.count
        }
    }

    var count: Int { end - start }

    /// Reads what there is: how many bytes, 0 at the end, or -errno.
    mutating func fill(from descriptor: Int32) -> Int {
        if start == end {
            start = 0
            end = 0
        }
        if bytes.count - end < 64 * 1024, start > 0 {
            bytes.replaceSubrange(0..<count, with: Array(bytes[start..<end]))
            end -= start
            start = 0
        }
        let room = bytes.count - end
        let count = unsafe bytes.withUnsafeMutableBytes { buffer in
            guard let base = buffer.baseAddress else { return 0 }
            return unsafe agent_read(descriptor, base + end, room)
        }
        if count > 0 { end += count }
        return count
    }

    subscript(_ index: Int) -> UInt8 { bytes[start + index] }

    /// The big-endian number at the front, for which there must be four bytes.
    var number: Int {
        Int(self[0]) << 24 | Int(self[1]) << 16 | Int(self[2]) << 8 | Int(self[3])
    }

    /// What waits.
    var all: ArraySlice<UInt8> { bytes[start..<end] }

    /// The first `length` bytes, which must be there, are taken.
    mutating func take(_ length: Int) -> ArraySlice<UInt8> {
        start += length
        return bytes[start - length..<start]
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
