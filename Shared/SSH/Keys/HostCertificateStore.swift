/// Finds the certificates of a server's host keys and checks that they can be shown to clients.
package enum HostCertificateStore {
    /// A certificate that fits one of the host keys.
    package struct Entry: Sendable {
        package var certificate: OpenSSHCertificate
        /// `nil` for one that stands in the configuration itself.
        package var path: String?
        /// Whether it is valid now; one that is not is not shown to clients.
        package var isCurrent: Bool
    }

    /// Loads certificates for `hostKeys`.
    ///
    /// An entry is the text of a certificate as `ssh-keygen -s` writes it, or the path of one.
    /// `now` is in seconds since 1970. Blocks on the disk; call it before the server starts.
    package static func load(
        entries: [String],
        hostKeys: [SSHPublicKey],
        now: UInt64
    ) throws(HostCertificateError) -> [Entry] {
        var loaded: [Entry] = []
        for entry in entries {
            let path = isText(entry) ? nil : entry
            let source = path ?? "the configuration"
            let certificate = try parse(try path.map(read) ?? entry, source)
            try check(certificate, hostKeys, source)
            loaded.append(
                Entry(
                    certificate: certificate,
                    path: path,
                    isCurrent: certificate.validAfter <= now && now < certificate.validBefore
                )
            )
        }
        return loaded
    }

    private static func isText(_ entry: String) -> Bool {
        let words = entry.split(maxSplits: 1, whereSeparator: \.isWhitespace)
        return words.count == 2 && OpenSSHCertificate.isCertificate(type: String(words[0]))
    }

    private static func read(_ path: String) throws(HostCertificateError) -> String {
        do {
            return try HostKeyFile.read(path).text
        } catch .unreadable(_, let number) {
            throw .unreadable(path, number)
        } catch {
            throw .unusable(path, .malformed)
        }
    }

    private static func parse(
        _ text: String,
        _ source: String
    ) throws(HostCertificateError) -> OpenSSHCertificate {
        let words = text.split(maxSplits: 2, whereSeparator: \.isWhitespace)
        guard words.count >= 2, let blob = Base64.decode(words[1]) else {
            throw .unusable(source, .malformed)
        }
        do {
            let certificate = try OpenSSHCertificate(blob: blob)
            guard words[0] == certificate.publicKey.type.certificateName else {
                throw KeyError.malformed
            }
            return certificate
        } catch let error as KeyError {
            throw .unusable(source, error)
        } catch {
            throw .unusable(source, .malformed)
        }
    }

    private static func check(
        _ certificate: OpenSSHCertificate,
        _ hostKeys: [SSHPublicKey],
        _ source: String
    ) throws(HostCertificateError) {
        guard certificate.kind == .host else { throw .notForHosts(source) }
        guard hostKeys.contains(certificate.publicKey) else { throw .noSuchHostKey(source) }
        // None is defined for hosts, and clients refuse what they do not know.
        guard certificate.criticalOptions.isEmpty else { throw .hasCriticalOptions(source) }
        guard certificate.isSignatureValid else { throw .badSignature(source) }
    }
}

/// Why a certificate cannot be a host's; each with its path, or where else it stands.
package enum HostCertificateError: Error, Sendable, Hashable {
    /// The file cannot be read; `errno`.
    case unreadable(String, Int32)
    /// What stands there is no certificate that can be used.
    case unusable(String, KeyError)
    /// It is a user's.
    case notForHosts(String)
    /// It is for a key that this server does not have.
    case noSuchHostKey(String)
    /// Clients would refuse it.
    case hasCriticalOptions(String)
    /// Its authority did not sign it, or by an algorithm that is not spoken.
    case badSignature(String)
}

extension HostCertificateError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreadable(let source, let number): "\(source): cannot be read (errno \(number))"
        case .unusable(let source, let error): "\(source): no usable certificate (\(error))"
        case .notForHosts(let source): "\(source): a user's certificate, not a host's"
        case .noSuchHostKey(let source): "\(source): for none of the host keys"
        case .hasCriticalOptions(let source): "\(source): has critical options"
        case .badSignature(let source): "\(source): the authority's signature is not valid"
        }
    }
}
