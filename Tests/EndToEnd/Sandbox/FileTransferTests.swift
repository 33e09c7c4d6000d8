import Foundation
import Testing

extension EndToEnd {
    @Suite("Files over ssh", .timeLimit(.minutes(5)))
    struct FileTransferTests {
        @Test("sftp puts a file and gets it back")
        func sftp() async throws {
            let installation = try Installation.current
            let (file, back) = try files(in: installation)
            // Both in one connection: the home lives no longer.
            let end = try await installation.run(
                "/usr/bin/sftp",
                installation.options(.key) + ["-b", "-", "-P", "\(installation.config.ports.ssh)"]
                    + ["dev@127.0.0.1"],
                input: .text("put \(file.path) there\nls -l\nget there \(back.path)\n")
            )
            #expect(end.status == 0, "\(end.errors)")
            #expect(try Data(contentsOf: back) == Data(contentsOf: file))
        }

        @Test(
            "scp copies there and back, with sftp and with its old protocol",
            arguments: [[], ["-O"]]
        )
        func scp(mode: [String]) async throws {
            let installation = try Installation.current
            let (file, back) = try files(in: installation)
            try await withMaster(installation) { socket in
                let common =
                    installation.options(.with("ControlPath=\(socket)")) + mode
                    + ["-P", "\(installation.config.ports.ssh)"]
                for pair in [
                    [file.path, "dev@127.0.0.1:there"], ["dev@127.0.0.1:there", back.path],
                ] {
                    let end = try await installation.run("/usr/bin/scp", common + pair)
                    #expect(end.status == 0, "\(end.errors)")
                }
            }
            #expect(try Data(contentsOf: back) == Data(contentsOf: file))
        }

        @Test(
            "rsync copies there and back",
            .enabled(if: Surroundings.isExecutable("/usr/bin/rsync"), "needs rsync")
        )
        func rsync() async throws {
            let installation = try Installation.current
            let (file, back) = try files(in: installation)
            try await withMaster(installation) { socket in
                let shell =
                    ["/usr/bin/ssh", "-p", "\(installation.config.ports.ssh)"]
                    + installation.options(.with("ControlPath=\(socket)"))
                for pair in [
                    [file.path, "dev@127.0.0.1:there"], ["dev@127.0.0.1:there", back.path],
                ] {
                    let end = try await installation.run(
                        "/usr/bin/rsync",
                        ["-e", shell.joined(separator: " ")] + pair
                    )
                    #expect(end.status == 0, "\(end.errors)")
                }
            }
            #expect(try Data(contentsOf: back) == Data(contentsOf: file))
        }

        @Test("several sessions of one connection share its sandbox")
        func multiplexing() async throws {
            let installation = try Installation.current
            try await withMaster(installation) { socket in
                let login = Installation.Login.with("ControlPath=\(socket)")
                _ = try await installation.ssh("echo shared > note", login)
                let outputs = try await withThrowingTaskGroup(of: String.self) { group in
                    for _ in 0..<5 {
                        group.addTask { try await installation.ssh("cat note", login).output }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(outputs == Array(repeating: "shared\n", count: 5))
            }
            let other = try await installation.ssh("cat note")
            #expect(other.status == 1)
        }

        /// A connection that others of this machine use while `body` runs.
        private func withMaster(
            _ installation: Installation,
            _ body: (String) async throws -> Void
        ) async throws {
            let socket = installation.config.path("m-\(UUID().uuidString.prefix(8))")
            let login = Installation.Login.with("ControlMaster=yes", "ControlPath=\(socket)")
            let master = try installation.launchSSH(nil, login, arguments: ["-N"])
            try await wait(for: "the master connection is there: \(master.errors)") {
                FileManager.default.fileExists(atPath: socket)
            }
            let result: Result<Void, any Error>
            do { result = .success(try await body(socket)) } catch { result = .failure(error) }
            master.send(SIGTERM)
            _ = try await master.end()
            try result.get()
        }

        /// A file of some size, and where it shall come back to.
        private func files(in installation: Installation) throws -> (URL, URL) {
            let name = UUID().uuidString
            let file = installation.config.folder.appending(path: name)
            try Data((0..<700_000).map { _ in UInt8.random(in: 0...255) }).write(to: file)
            return (file, file.appendingPathExtension("back"))
        }
    }
}
