import CAgent

/// The file that X clients take their cookie from (Xau(3)).
enum XAuthority {
    /// Any address: display 10 is this container's alone.
    private static let family: [UInt8] = [0xFF, 0xFF]
    private static let display = bytes("10")
    private static let longest = 1 << 20

    /// Puts the cookie in front of what the file has, in place of an earlier one of this display:
    /// 0 or errno.
    static func add(_ setup: ForwardSetup) -> Int32 {
        guard let cookie = binary(setup.authCookie), setup.authProtocol.count <= 64 else {
            return EINVAL
        }
        let entry =
            Self.family + field([]) + field(display) + field(setup.authProtocol) + field(cookie)
        let file = path()
        do throws(SystemError) {
            let others = withoutOwn(content(of: file))
            let item = try FileItem(path: file, mode: 0o600)
            item.write((entry + others)[...])
            return item.finish()
        } catch {
            return error.number
        }
    }

    /// `XAUTHORITY`, or `.Xauthority` in the working directory.
    private static func path() -> [UInt8] {
        let named = unsafe bytes(cString: agent_variable("XAUTHORITY")) ?? []
        if named.first == UInt8(ascii: "/") { return named }
        return bytes("/proc/self/cwd/") + (named.isEmpty ? bytes(".Xauthority") : named)
    }

    private static func content(of path: [UInt8]) -> [UInt8] {
        let file = unsafe withCString(path) { unsafe agent_open($0, Int32(AGENT_READ), 0) }
        guard file >= 0 else { return [] }
        defer { agent_close(file) }
        var content: [UInt8] = []
        while content.count < longest {
            let (piece, count) = readBytes(file, 64 * 1024)
            guard count > 0 else { break }
            content += piece
        }
        return content
    }

    /// What does not follow the format is left out.
    private static func withoutOwn(_ content: [UInt8]) -> [UInt8] {
        var kept: [UInt8] = []
        var rest = content[...]
        while let entry = takeEntry(&rest) {
            if !entry.starts(with: family + field([]) + field(display)) { kept += entry }
        }
        return kept
    }

    /// A family and four fields.
    private static func takeEntry(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        var length = 2
        for _ in 0..<4 {
            guard rest.count >= length + 2 else { return nil }
            let start = rest.startIndex + length
            length += 2 + (Int(rest[start]) << 8 | Int(rest[start + 1]))
        }
        guard rest.count >= length else { return nil }
        defer { rest = rest.dropFirst(length) }
        return rest.prefix(length)
    }

    private static func field(_ content: [UInt8]) -> [UInt8] {
        [UInt8(truncatingIfNeeded: content.count >> 8), UInt8(truncatingIfNeeded: content.count)]
            + content
    }

    /// A cookie in hexadecimal digits.
    private static func binary(_ digits: [UInt8]) -> [UInt8]? {
        guard digits.count % 2 == 0, digits.count <= 512 else { return nil }
        var result: [UInt8] = []
        var high: UInt8?
        for digit in digits {
            let value: UInt8
            switch digit {
            case 48...57: value = digit - 48
            case 65...70: value = digit - 55
            case 97...102: value = digit - 87
            default: return nil
            }
            if let first = high {
                result.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return result
    }
}
