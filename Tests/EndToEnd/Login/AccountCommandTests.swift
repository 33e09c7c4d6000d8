import Foundation
import Testing

/// The commands that look after authd's accounts.
@Suite("berth user, group and token", .timeLimit(.minutes(5)))
struct AccountCommandTests {
    /// Runs `berth AREA COMMAND … --server SOCKET`, which has to succeed.
    @discardableResult
    private func berth(
        _ installation: Installation,
        _ arguments: [String],
        input: Program.Input = .nothing
    ) async throws -> String {
        let end = try await run(installation, arguments, input: input)
        #expect(end.status == 0, "\(arguments): \(end.errors)")
        return end.output
    }

    private func run(
        _ installation: Installation,
        _ arguments: [String],
        input: Program.Input = .nothing
    ) async throws -> Program.End {
        let server = ["--server", "unix://\(installation.config.adminSocket)"]
        // `berth user` takes its options before the command, the others behind it.
        let all =
            arguments[0] == "user"
            ? ["user"] + server + arguments.dropFirst() : arguments + server
        return try await installation.run(
            Surroundings.programs.appending(path: "berth").path,
            all,
            input: input,
            environment: ["BERTH_CODES_FILE": try Surroundings.codesFile()]
        )
    }

    private func write(_ installation: Installation, _ name: String, _ text: String) throws
        -> String
    {
        let path = installation.config.path(name)
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }

    /// `crypt(3)` of `secret`, made by openssl.
    private func sha512(_ installation: Installation) async throws -> String {
        let end = try await installation.run("/usr/bin/openssl", ["passwd", "-6", "secret"])
        return end.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// What authd says to a password.
    private func accepts(_ installation: Installation, _ user: String, _ password: String)
        async throws -> Bool
    {
        let body = """
            {"username":"\(user)","passwordBase64":"\(Data(password.utf8).base64EncodedString())"}
            """
        let url = "http://127.0.0.1:\(installation.config.ports.authd)/password"
        let end = try await installation.run("/usr/bin/curl", ["-sS", "-d", body, url])
        return end.output.contains(#""success":true"#)
    }

    @Test("lines of shadow(5), CSV files and authorized_keys are imported, and passed over twice")
    func imports() async throws {
        try await Installation.with(daemons: [.authd]) { installation in
            let hash = try await sha512(installation)
            let shadow = try write(
                installation,
                "shadow",
                "ann:\(hash):19000:0:99999:7:::\nbob:!\(hash):19000::::::\ncy:*:19000:::::10:\n"
            )
            try await berth(installation, ["user", "import", "--shadow", shadow])
            #expect(try await accepts(installation, "ann", "secret"))
            #expect(try await !accepts(installation, "ann", "wrong"))
            #expect(try await !accepts(installation, "bob", "secret"))
            let again = try await run(installation, ["user", "import", "--shadow", shadow])
            #expect(again.status == 0)
            #expect(again.errors.contains("left: ann is there already"))

            let key = try String(contentsOfFile: installation.userKey + ".pub", encoding: .utf8)
            let csv = try write(
                installation,
                "users.csv",
                """
                name,password_hash,groups,login_names,expires,disabled,key
                dora,\(hash),ops dev,root glob:app-*,2999-12-31,,"no-pty \(key.split(separator: "\n")[0])"
                eve,,,,,yes,
                """
            )
            try await berth(installation, ["user", "import", "--csv", csv])
            let list = try await berth(installation, ["user", "list", "--keys"])
            #expect(
                list.contains("dora: password, 1 key, expires 3000-01-01T00:00:00Z, groups dev ops")
            )
            #expect(list.contains("eve: no password, 0 keys, disabled"))
            #expect(list.contains("cy: no password, 0 keys, expires 1970-01-11T00:00:00Z"))
            #expect(list.contains("no-pty"))

            let keys = try write(installation, "keys", "# mine\nrestrict,pty \(key)")
            let one = ["user", "import", "--authorized-keys", keys, "--user", "ann"]
            #expect(try await berth(installation, one).contains("added SHA256:"))
            #expect(try await run(installation, one).errors.contains("ann has the key already"))
        }
    }

    @Test("groups, expiry, history and a backup")
    func records() async throws {
        try await Installation.with(daemons: [.authd]) { installation in
            try await berth(installation, ["user", "change", "dev", "--group", "ops"])
            let group = ["group", "set", "ops", "--login-name", "root", "--description", "on call"]
            try await berth(installation, group)
            #expect(
                try await berth(installation, ["group", "list"])
                    == "ops: dev, log in as root, on call\n"
            )
            try await berth(installation, ["user", "expire", "dev", "2020-01-01"])
            #expect(try await !accepts(installation, "dev", Installation.password))
            try await berth(installation, ["user", "expire", "dev", "never"])
            #expect(try await accepts(installation, "dev", Installation.password))
            try await berth(installation, ["group", "remove", "ops"])

            let history = try await berth(installation, ["user", "history", "dev"])
            #expect(history.contains("socket: user changed dev: expiry"))
            #expect(history.contains("socket: user added dev"))

            let backup = installation.config.path("backup.sqlite")
            try await berth(installation, ["user", "backup", backup])
            let attributes = try FileManager.default.attributesOfItem(atPath: backup)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            #expect(try await run(installation, ["user", "backup", backup]).status != 0)
        }
    }

    @Test("a token that berth made works from a file, until it is taken back")
    func tokens() async throws {
        try await Installation.with(daemons: [.authd]) { installation in
            let made = try await berth(
                installation,
                ["token", "add", "ci", "--expires", "2999-01-01"]
            )
            let file = try write(installation, "token", made)
            let shown = ["--token-file", file]
            try await berth(installation, ["group", "set", "g"] + shown)
            #expect(
                try await berth(installation, ["user", "history", "g"]).contains(
                    "token ci: group set g"
                )
            )
            #expect(try await berth(installation, ["token", "list"]).hasPrefix("ci: made "))
            try await berth(installation, ["token", "remove", "ci"])
            let end = try await run(installation, ["group", "list"] + shown)
            #expect(end.status == 1)
            #expect(end.errors.contains("AUTHD_TOKEN_REFUSED"))
        }
    }

    @Test(
        "the QR code of a second factor is the address beneath it; a wrong code sets nothing up",
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/zbarimg"), "no zbarimg")
    )
    func secondFactor() async throws {
        try await Installation.with(daemons: [.authd]) { installation in
            let end = try await run(
                installation,
                ["user", "totp", "dev"],
                input: .text("000000x\n")
            )
            #expect(end.status == 1)
            #expect(end.errors.contains("AUTHD_CODE_WRONG"))
            let lines = end.output.split(separator: "\n").map(String.init)
            let address = try #require(lines.first { $0.hasPrefix("otpauth://totp/Berth:dev?") })
            let code = lines.prefix { $0 != address }
            let image = installation.config.path("code.pbm")
            try Data(bitmap(Array(code)).utf8).write(to: URL(filePath: image))
            let read = try await installation.run("/usr/bin/zbarimg", ["-q", "--raw", image])
            #expect(read.output == address + "\n", "\(read.errors)")
            #expect(lines.count { $0.hasPrefix("  ") && $0.contains("-") } == 8)
            let list = try await berth(installation, ["user", "list"])
            #expect(!list.contains("second factor"))
        }
    }

    /// Lines of half blocks as a portable bitmap, each square eight pixels wide.
    private func bitmap(_ lines: [String]) -> String {
        var rows: [[Int]] = []
        for line in lines {
            rows.append(line.map { $0 == " " || $0 == "▄" ? 1 : 0 })
            rows.append(line.map { $0 == " " || $0 == "▀" ? 1 : 0 })
        }
        let scale = 8
        let width = (rows.first?.count ?? 0) * scale
        var text = "P1\n\(width) \(rows.count * scale)\n"
        for row in rows {
            let line = row.map { String(repeating: "\($0) ", count: scale) }.joined() + "\n"
            text += String(repeating: line, count: scale)
        }
        return text
    }

    @Test(
        "options of a key hold in the session: the command is forced, and there is no terminal",
        .enabled(if: Surroundings.canSandbox, Surroundings.sandboxReason)
    )
    func keyOptions() async throws {
        try await Installation.with { installation in
            let key = try String(contentsOfFile: installation.userKey + ".pub", encoding: .utf8)
            let list = try await berth(installation, ["user", "list", "--keys"])
            let fingerprint = try #require(
                list.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("SHA256:") }
            )
            try await berth(
                installation,
                ["user", "key", "dev", "--remove", String(fingerprint)]
            )
            let options = #"command="echo forced $SSH_ORIGINAL_COMMAND",no-pty,environment="A=b" "#
            let file = try write(installation, "restricted.pub", options + key)
            try await berth(installation, ["user", "key", "dev", file])
            let end = try await installation.ssh("echo asked")
            #expect(end.output == "forced echo asked\n", "\(end.errors)")
            let terminal = try await installation.ssh("true", arguments: ["-tt"])
            #expect(terminal.errors.contains("PTY allocation request failed"), "\(terminal.errors)")
        }
    }
}
