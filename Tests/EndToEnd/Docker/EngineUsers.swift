import Foundation
import Testing

/// People whose containers are of different kinds on one gateway, by rules of configd.
enum EngineUser: String, CaseIterable, Sendable {
    case agent
    case plain
    case session
    case lasting
    case resumed
    case pooled

    /// The static configuration that lets the rules give those.
    static let settings = ["floor.modes=[connection, session, persistent]"]

    /// What configd gives them. `lasting` is the container that stays; empty: by its owner's name.
    static func rules(lasting: String) -> String {
        """
        rules:
          - {name: plain, match: {user: plain}, config: {docker: {execution: {disableAgent: true}}}}
          - {name: session, match: {user: session}, config: {docker: {execution: {mode: session}}}}
          - name: lasting
            match: {user: lasting}
            config: {docker: {execution: {mode: persistent, createMissing: true, containername: "\(lasting)"}}}
          - {name: resumed, match: {user: resumed}, config: {docker: {execution: {resume: 3s}}}}
          - {name: pooled, match: {user: pooled}, config: {docker: {pool: {minimum: 1, maximum: 2}}}}
        """
    }

    var login: Installation.Login { Installation.Login(user: rawValue) }

    /// Makes accounts for all of them, with the key of the installation's user.
    static func add(to installation: Installation) async throws {
        for user in allCases {
            let added = try await installation.berth(
                "user",
                "--server",
                "unix://\(installation.config.adminSocket)",
                "add",
                user.rawValue,
                "--no-password",
                "--key-file",
                installation.userKey + ".pub"
            )
            try #require(added.status == 0, "berth user add: \(added.errors)")
        }
    }
}

extension Installation {
    /// Only the daemons that a login needs, with accounts of every `EngineUser`.
    static func withEngineUsers(
        _ settings: [String],
        lasting: String = "",
        _ body: (Installation) async throws -> Void
    ) async throws {
        let all = ["audit.enable=false", "metrics.enable=false"] + EngineUser.settings + settings
        let rules = EngineUser.rules(lasting: lasting)
        try await with(all, daemons: [.authd, .configd, .gateway], rules: rules) {
            try await EngineUser.add(to: $0)
            try await body($0)
        }
    }
}
