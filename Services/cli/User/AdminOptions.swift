import ArgumentParser
import AuthClient
import Foundation
import Logging
import SharedConfig
import SharedMessages

/// How authd's administration is reached.
struct AdminOptions: ParsableArguments {
    @Option(help: "Where authd is administered: the URL of authd.admin.listen.")
    var server = "unix:///run/berth/authd-admin.sock"

    @Option(help: "A file whose first line is the token to show.")
    var tokenFile: String?

    @OptionGroup var tls: TLSOptions

    /// Calls authd and tells a failure by its code; the exit status is then 1.
    func run(_ body: (UserClient) async throws -> Void) async throws {
        try await callAuthd(tls.client(server), try AdminToken.read(tokenFile), body)
    }
}

enum AdminToken {
    /// The first line of the file; empty without one.
    static func read(_ path: String?) throws -> Secret {
        guard let path else { return Secret() }
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw ValidationError("\(path) cannot be read.")
        }
        return Secret(text.split(whereSeparator: \.isNewline).first.map(String.init) ?? "")
    }
}

func callAuthd(
    _ config: HTTPClientConfig,
    _ token: Secret,
    _ body: (UserClient) async throws -> Void
) async throws {
    do {
        let logger = Logger(label: "user") { _ in SwiftLogNoOpLogHandler() }
        try await body(try UserClient(config, token: token, logger: logger))
    } catch let error as CodedError {
        tell(error)
        throw ExitCode.failure
    }
}
