import Crypto

/// The names under which pods say whose they are.
enum PodKeys {
    /// The gateway process that made it.
    static let instance = "berth.instance"
    /// Seconds that it may be there without having been attached to.
    static let lease = "berth.lease"
    /// Says, as an annotation, that a gateway holds its first process: it ends with that gateway.
    static let attached = "berth.attached"
    /// Seconds after which a person's pod that nobody uses is removed.
    static let idle = "berth.idle"
    /// When it was last used, in seconds since 1970.
    static let used = "berth.used"
    /// With a gateway's name behind it: how many of its connections use the pod.
    static let presence = "berth.presence/"
    /// Which warm pool it waits in.
    static let pool = "berth.pool"

    static let connectionID = "containerssh_connection_id"
    static let username = "containerssh_username"
    static let address = "containerssh_ip"

    private static let longest = 63

    /// A label's value out of any text: letters, digits, `-`, `_` and `.` stay, others become `-`;
    /// what is too long ends in a digest of the whole.
    static func labelValue(_ text: String) -> String {
        var result = String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { isInner($0) ? $0 : "-" }
            )
        )
        if result.unicodeScalars.count > longest {
            result = String(result.prefix(longest - 9)) + "-" + digest(text)
        }
        while let last = result.unicodeScalars.last, !isOuter(last) { result.removeLast() }
        while let first = result.unicodeScalars.first, !isOuter(first) { result.removeFirst() }
        return result
    }

    /// The name of a person's own pod: different people get different ones.
    static func podName(of person: String) -> String {
        var name = "berth-user-"
        for byte in person.utf8 {
            switch byte {
            case 0x30...0x39, 0x61...0x7A: name.unicodeScalars.append(Unicode.Scalar(byte))
            default: name += "-" + hexadecimal(byte)
            }
        }
        guard name.utf8.count > longest else { return name }
        return String(name.prefix(longest - 9)) + "-" + digest(person)
    }

    private static func digest(_ text: String) -> String {
        SHA256.hash(data: Array(text.utf8)).prefix(4).map(hexadecimal).joined()
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16)
        return digits.utf8.count == 1 ? "0" + digits : digits
    }

    private static func isOuter(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9": true
        default: false
        }
    }

    private static func isInner(_ scalar: Unicode.Scalar) -> Bool {
        isOuter(scalar) || "-_.".unicodeScalars.contains(scalar)
    }
}
