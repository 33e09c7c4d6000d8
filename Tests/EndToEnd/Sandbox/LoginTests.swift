import Foundation
import SharedMessages
import Testing

extension EndToEnd {
    @Suite("Logging in", .timeLimit(.minutes(5)))
    struct LoginTests {
        @Test("a key and a password both let the user in", arguments: [true, false])
        func login(withKey: Bool) async throws {
            let installation = try Installation.current
            let end = try await installation.ssh("id -un", withKey ? .key : .password)
            #expect(end.output == "dev\n", "\(end.errors)")
            #expect(end.status == 0)
        }

        @Test("the banner is shown before the login")
        func banner() async throws {
            let end = try await Installation.current.ssh(
                "true",
                Installation.Login(proof: .password("wrong"))
            )
            #expect(end.errors.hasPrefix("Welcome to the end-to-end tests\n"))
        }

        @Test(
            "a wrong password and an unknown user are refused with the same words",
            arguments: [(Installation.user, "wrong"), ("nobody-here", Installation.password)]
        )
        func refused(user: String, password: String) async throws {
            let installation = try Installation.current
            let end = try await installation.ssh(
                "true",
                Installation.Login(user: user, proof: .password(password))
            )
            #expect(end.status == 255)
            #expect(end.errors.contains("Permission denied (publickey,password)"))
            try await installation.awaitLog(.gateway, .sshAuthFailed)
        }

        @Test("a key that authd does not know is refused")
        func unknownKey() async throws {
            let installation = try Installation.current
            let key = installation.config.path("unknown-key")
            let made = try await installation.run(
                "/usr/bin/ssh-keygen",
                ["-q", "-t", "ecdsa", "-N", "", "-f", key]
            )
            try #require(made.status == 0)
            let end = try await installation.ssh("true", Installation.Login(proof: .key(key)))
            #expect(end.status == 255)
            #expect(end.errors.contains("Permission denied"))
        }
    }
}
