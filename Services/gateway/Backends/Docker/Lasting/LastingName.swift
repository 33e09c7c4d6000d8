/// The name of the container that a person keeps, where the configuration gives none.
enum LastingName {
    /// Different people get different names: what a container's name cannot have, and `_` itself,
    /// becomes `_` with two hexadecimal digits.
    static func of(_ person: String) -> String {
        var name = "berth-user-"
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
}
