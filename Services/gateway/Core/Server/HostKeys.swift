package import Logging
package import SharedConfig
import SharedLogging
package import SharedMessages
package import SharedSSH

/// The host keys of the configuration, or one that is made on the first start.
package enum HostKeys {
    /// Loads or generates; blocks on the disk, so to be called before anything is served.
    ///
    /// The configuration file itself is never rewritten: a generated key goes into a file beside
    /// it (`configFolder`), or to `ssh.hostKeyFile`.
    package static func prepare(
        _ config: SSHConfig,
        configFolder: String,
        logger: Logger
    ) throws(CodedError) -> [SSHPrivateKey] {
        let path =
            config.hostKeyFile.isEmpty ? configFolder + "/berth_host_key" : config.hostKeyFile
        if config.hostKeys.isEmpty { logger.emit(.coreNoHostKeys, ["file": "\(path)"]) }
        do {
            let texts = try config.hostKeys.map { try $0.load() }
            let entries = try HostKeyStore.loadOrGenerate(entries: texts, path: path)
            report(entries, logger)
            return entries.map(\.key)
        } catch {
            throw CodedError(.coreHostKeyGenerationFailed, detail: "\(error)")
        }
    }

    private static func report(_ entries: [HostKeyStore.Entry], _ logger: Logger) {
        for entry in entries {
            let labels: Logger.Metadata = [
                "file": "\(entry.path ?? "the configuration")",
                "fingerprint": "\(entry.key.publicKey.fingerprint)",
            ]
            if entry.isNew { logger.emit(.gatewayHostKeyGenerated, labels) }
            if entry.isReadableByOthers { logger.emit(.gatewayHostKeyReadable, labels) }
        }
    }
}
