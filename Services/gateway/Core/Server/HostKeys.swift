package import Foundation
package import Logging
package import SharedConfig
import SharedLogging
package import SharedMessages
package import SharedSSH

/// What the gateway proves with that it is itself.
package struct HostIdentity: Sendable {
    package var keys: [SSHPrivateKey]
    package var certificates: [OpenSSHCertificate]

    package init(keys: [SSHPrivateKey], certificates: [OpenSSHCertificate] = []) {
        self.keys = keys
        self.certificates = certificates
    }
}

/// The host keys of the configuration, or one that is made on the first start, and their
/// certificates.
package enum HostKeys {
    /// Loads or generates; blocks on the disk, so to be called before anything is served.
    ///
    /// The configuration file itself is never rewritten: a generated key goes into a file beside
    /// it (`configFolder`), or to `ssh.hostKeyFile`.
    package static func prepare(
        _ config: SSHConfig,
        configFolder: String,
        now: Date = Date(),
        logger: Logger
    ) throws(CodedError) -> HostIdentity {
        let keys = try keys(config, configFolder, logger)
        let certificates = try certificates(config, keys, now, logger)
        return HostIdentity(keys: keys, certificates: certificates)
    }

    // MARK: - Keys

    private static func keys(
        _ config: SSHConfig,
        _ configFolder: String,
        _ logger: Logger
    ) throws(CodedError) -> [SSHPrivateKey] {
        let path =
            config.hostKeyFile.isEmpty ? configFolder + "/berth_host_key" : config.hostKeyFile
        if config.hostKeys.isEmpty { logger.emit(.coreNoHostKeys, ["file": "\(path)"]) }
        do {
            let places = try config.hostKeys.map { try $0.file ?? $0.load() }
            let entries = try HostKeyStore.loadOrGenerate(entries: places, path: path) { source in
                logger.emit(.gatewayHostKeyPassedOver, ["file": "\(source)"])
            }
            report(entries, logger)
            return entries.map(\.key)
        } catch HostKeyError.writableByOthers(let file) {
            throw CodedError(.gatewayHostKeyUnsafe, detail: file)
        } catch {
            throw CodedError(.coreHostKeyGenerationFailed, detail: "\(error)")
        }
    }

    private static func report(_ entries: [HostKeyStore.Entry], _ logger: Logger) {
        for (index, entry) in entries.enumerated() {
            let key = entry.key.publicKey
            let isOffered = !entries[(index + 1)...].contains { $0.key.publicKey.type == key.type }
            let labels: Logger.Metadata = [
                "file": "\(entry.path ?? "the configuration")",
                "fingerprint": "\(key.fingerprint)",
            ]
            if entry.isNew { logger.emit(.gatewayHostKeyGenerated, labels) }
            if entry.isReadableByOthers { logger.emit(.gatewayHostKeyReadable, labels) }
            logger.emit(
                .gatewayHostKeyLoaded,
                labels.merging([
                    "type": "\(key.type.rawValue)", "use": isOffered ? "offered" : "announced",
                ]) { $1 }
            )
        }
    }

    // MARK: - Certificates

    private static func certificates(
        _ config: SSHConfig,
        _ keys: [SSHPrivateKey],
        _ now: Date,
        _ logger: Logger
    ) throws(CodedError) -> [OpenSSHCertificate] {
        do {
            let entries = try HostCertificateStore.load(
                entries: config.hostCertificates,
                hostKeys: keys.map(\.publicKey),
                now: UInt64(max(0, now.timeIntervalSince1970))
            )
            for entry in entries { report(entry, logger) }
            return entries.filter(\.isCurrent).map(\.certificate)
        } catch {
            throw CodedError(.gatewayHostCertificateInvalid, detail: "\(error)")
        }
    }

    private static func report(_ entry: HostCertificateStore.Entry, _ logger: Logger) {
        let certificate = entry.certificate
        let code: MessageCode =
            entry.isCurrent ? .gatewayHostCertificateLoaded : .gatewayHostCertificateNotCurrent
        logger.emit(
            code,
            [
                "file": "\(entry.path ?? "the configuration")",
                "keyId": "\(certificate.keyID)",
                "serial": "\(certificate.serial)",
                "fingerprint": "\(certificate.fingerprint)",
                "authority": "\(certificate.signatureKey.fingerprint)",
                "principals": "\(certificate.principals.joined(separator: ","))",
                "validFrom": "\(text(certificate.validAfter))",
                "validUntil": "\(text(certificate.validBefore))",
            ]
        )
    }

    /// All ones stand for "for ever" (OpenSSH's PROTOCOL.certkeys).
    private static func text(_ seconds: UInt64) -> String {
        guard seconds < 1 << 40 else { return "forever" }
        return Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
    }
}
