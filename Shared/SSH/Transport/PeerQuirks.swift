/// What a client's identification line tells about the algorithms it lacks.
///
/// The line is part of the exchange hash (RFC 4253 §8), so nobody in between can change it to get
/// something weaker.
struct PeerQuirks: Hashable {
    /// libssh2 before 1.11 knows neither an authenticated cipher nor a MAC over the encrypted
    /// packet (its release notes of 1.11.0); Debian 12's curl, PHP and libgit2 are built on it.
    var needsPlainMACs = false

    init(identification: String) {
        needsPlainMACs =
            Self.release(of: "libssh2_", in: identification).map { $0 < (1, 11) } ?? false
    }

    /// `algorithms` and, at the end, what such a client cannot do without.
    func completed(_ algorithms: TransportAlgorithms) -> TransportAlgorithms {
        guard needsPlainMACs else { return algorithms }
        var algorithms = algorithms
        algorithms.macs += [.sha256, .sha512].filter { !algorithms.macs.contains($0) }
        return algorithms
    }

    /// Major and minor number of `software` in `SSH-2.0-softwareMAJOR.MINOR…`.
    private static func release(of software: String, in line: String) -> (Int, Int)? {
        let prefix = "SSH-2.0-" + software
        guard line.hasPrefix(prefix) else { return nil }
        let numbers = line.dropFirst(prefix.count)
            .prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            .split(separator: ".", maxSplits: 2)
        guard numbers.count >= 2, let major = Int(numbers[0]), let minor = Int(numbers[1]) else {
            return nil
        }
        return (major, minor)
    }
}
