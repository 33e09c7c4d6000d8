package import SharedSSH

/// The file in which X11 programs look for what to say to their display (Xsecurity(7)); in the
/// form xauth(1) reads and writes.
package enum XAuthority {
    /// `nil` when the request's cookie is not hexadecimal.
    ///
    /// `hostname` is the machine's as programs see it: entries for displays of the same machine go
    /// by that name; `nil` makes an entry for any machine. `display` is the number after the
    /// colon.
    package static func file(
        for request: X11Request,
        hostname: String?,
        display: Int
    ) -> [UInt8]? {
        guard let cookie = bytes(request.cookie) else { return nil }
        var file = integer(hostname == nil ? wildFamily : localFamily)
        for field in [
            Array((hostname ?? "").utf8), Array("\(display)".utf8),
            Array(request.protocolName.utf8),
            cookie,
        ] {
            file += integer(field.count) + field
        }
        return file
    }

    /// FamilyLocal of Xauth.h.
    private static let localFamily = 256
    /// FamilyWild of Xauth.h.
    private static let wildFamily = 65535

    private static func integer(_ value: Int) -> [UInt8] {
        [UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value)]
    }

    private static func bytes(_ digits: String) -> [UInt8]? {
        let values = digits.utf8.map { Character(UnicodeScalar($0)).hexDigitValue }
        guard values.count.isMultiple(of: 2) else { return nil }
        return stride(from: 0, to: values.count, by: 2).reduce(into: [UInt8]?([])) { bytes, index in
            guard let high = values[index], let low = values[index + 1] else {
                bytes = nil
                return
            }
            bytes?.append(UInt8(high << 4 | low))
        }
    }
}
