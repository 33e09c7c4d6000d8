/// Names that tell whose a container is.
package enum ContainerName {
    /// Of a person; longer ones are left out of names.
    private static let longest = 200
    private static let prefix = "berth-"

    /// A container of the pool has no labels of its person: its name tells the connection and,
    /// where it is not too long, the login name.
    package static func adopted(by connectionID: String, of username: String) -> String {
        let name = encoded(username)
        let isTold = !name.isEmpty && name.utf8.count <= longest
        return prefix + connectionID + (isTold ? "." + name : "")
    }

    /// The login name in the name of a container from the pool.
    package static func owner(ofAdopted name: String) -> String? {
        let parts = name.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].hasPrefix(prefix) else { return nil }
        return decoded(parts[1])
    }

    /// Different people get different names: what a container's name cannot have, and `_` itself,
    /// becomes `_` with two hexadecimal digits.
    package static func encoded(_ person: String) -> String {
        var name = ""
        for byte in person.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E:
                name.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16)
                name += digits.utf8.count == 1 ? "_0" + digits : "_" + digits
            }
        }
        return name
    }

    private static func decoded(_ name: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(name.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "_") else {
                bytes.append(byte)
                continue
            }
            guard let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
