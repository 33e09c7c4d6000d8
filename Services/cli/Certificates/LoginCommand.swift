import ArgumentParser
import AuthClient
import Foundation
import Logging
import SharedConfig
import SharedMessages
import SharedModels
import SharedSSH

/// `berth login`.
struct LoginCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "login",
        abstract: "Gets a certificate of authd for a few hours of logins with ssh.",
        discussion: """
            Asks what authd asks: the password, and the code of an authenticator app. The \
            certificate is written beside the key, which is made if it is not there, where ssh -i \
            finds it; with --agent key and certificate live in the SSH agent only, until they expire.
            """
    )

    @Argument(help: "Your name.")
    var username: String

    @Option(help: "Where authd gives certificates: the URL of authd.login.listen.")
    var server = "https://127.0.0.1:7011"

    @OptionGroup var tls: TLSOptions

    @Option(help: "Your private key's file; by default ~/.ssh/id_berth.")
    var keyFile: String?

    @Flag(help: "Leave no file; hand a new key to the SSH agent (SSH_AUTH_SOCK).")
    var agent = false

    @Option(help: "How long it shall be good, as 1h or 30m.")
    var lifetime: Lifetime?

    func validate() throws {
        guard !agent || keyFile == nil else {
            throw ValidationError("Give either --key-file or --agent.")
        }
    }

    func run() async throws {
        guard agent else {
            let path =
                keyFile
                ?? FileManager.default.homeDirectoryForCurrentUser
                .appending(path: ".ssh/id_berth").path
            let made = try await certificate(for: try PersonKey.publicLine(path))
            let output = CertificateFile.path(beside: path)
            try CertificateFile.write(made, to: output)
            return print("wrote \(output), as \(names(made)), until \(made.expires)")
        }
        let socket = try AgentSocket.ofEnvironment()
        let key = try SSHPrivateKey.generateEd25519(comment: "berth \(username)")
        let made = try await certificate(for: key.publicKey.authorizedKeysLine)
        let seconds = max(
            1,
            (UserDate.seconds(made.expires) ?? 0) - Int(Date.now.timeIntervalSince1970)
        )
        try socket.add(key, certificate: made.certificate, lifetime: seconds)
        print("the agent has it, as \(names(made)), until \(made.expires)")
    }

    private func names(_ made: MadeCertificate) -> String {
        made.principals.joined(separator: ", ").printable
    }

    private func certificate(for line: String) async throws -> MadeCertificate {
        do {
            let logger = Logger(label: "login") { _ in SwiftLogNoOpLogHandler() }
            let client = try CertificateLoginClient(tls.client(server), logger: logger)
            let login = CertificateLogin(
                username: username,
                publicKey: line,
                lifetimeSeconds: lifetime?.seconds
            )
            return try await client.certificate(login, answer: Questions.ask)
        } catch let error as CodedError {
            tell(error)
            throw ExitCode.failure
        }
    }
}

/// Asks a person what authd wants to know.
private enum Questions {
    static func ask(_ round: KeyboardRound) throws -> [[UInt8]] {
        for text in [round.name, round.instruction] where !text.isEmpty {
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            for line in lines { printError(String(line).printable) }
        }
        return try round.prompts.map { prompt in
            let text = prompt.prompt.printable
            if !prompt.echo, isatty(STDIN_FILENO) == 1 { return try HiddenPrompt.ask(text) }
            FileHandle.standardError.write(Data(text.utf8))
            return Array((readLine(strippingNewline: true) ?? "").utf8)
        }
    }
}

/// The key for which a person gets certificates.
private enum PersonKey {
    /// The public key beside `path`; makes both files where there is none.
    static func publicLine(_ path: String) throws -> String {
        let files = FileManager.default
        if files.fileExists(atPath: path + ".pub") {
            let lines = try readKeys(path + ".pub")
            guard lines.count == 1 else { throw ValidationError("\(path).pub holds several keys.") }
            return lines[0]
        }
        guard !files.fileExists(atPath: path) else {
            throw ValidationError("\(path) is there, but \(path).pub is not.")
        }
        let key = try SSHPrivateKey.generateEd25519(comment: "berth")
        let folder = URL(filePath: path).deletingLastPathComponent()
        try files.createDirectory(
            at: folder,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        let isMade = files.createFile(
            atPath: path,
            contents: Data(try key.fileText().utf8),
            attributes: [.posixPermissions: 0o600]
        )
        guard isMade else { throw ValidationError("\(path) cannot be written.") }
        let line = key.publicKey.authorizedKeysLine + " berth"
        try Data((line + "\n").utf8).write(to: URL(filePath: path + ".pub"))
        return line
    }
}
