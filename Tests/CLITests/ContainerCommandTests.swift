import ChildProcess
import Foundation
import StubHTTPServer
import Testing

@Suite("berth ps and berth gc", .timeLimit(.minutes(5)))
struct ContainerCommandTests {
    /// An engine with a container of each kind.
    private static func containers() -> String {
        let now = Int(Date().timeIntervalSince1970)
        return """
            [{"Id":"aaaaaaaaaaaaaaaa","Names":["/berth-1"],"State":"running","Created":\(now - 60),
              "Labels":{"berth.instance":"x","berth.lease":"5","containerssh_username":"alice"}},
             {"Id":"bbbbbbbbbbbbbbbb","Names":["/berth-2"],"State":"created","Created":\(now - 3000),
              "Labels":{"berth.instance":"x","berth.lease":"180","containerssh_username":"bob"}},
             {"Id":"cccccccccccccccc","Names":["/berth-3"],"State":"exited","Created":\(now - 7),
              "Labels":{"berth.instance":"x","berth.lease":"180","containerssh_username":"b\\u001b"}},
             {"Id":"dddddddddddddddd","Names":["/berth-user-carl"],"State":"exited","Created":\(now - 9000),
              "Labels":{"berth.instance":"x","berth.idle":"3600","berth.owner":"carl"}},
             {"Id":"eeeeeeeeeeeeeeee","Names":["/berth-00ff.d.o_2fe"],"State":"running","Created":\(now - 5),
              "Labels":{"berth.instance":"x","berth.lease":"180","berth.pool":"k"}},
             {"Id":"ffffffffffffffff","Names":["/berth-pool-1a"],"State":"running","Created":\(now - 4),
              "Labels":{"berth.instance":"x","berth.lease":"180","berth.pool":"k"}}]
            """
    }

    private func withEngine(
        _ body: (_ host: String, _ stub: StubHTTPServer) async throws -> Void
    ) async throws {
        try await StubHTTPServer.run({ request, _ in
            if request.path == "/_ping" {
                return .reply(headers: ["Api-Version": "1.41"], body: "OK")
            }
            if request.method == "DELETE" { return .reply(status: 204) }
            return .json(Self.containers())
        }) { url, stub in try await body(url, stub) }
    }

    @Test("ps tells owner, age, state and what becomes of each, the oldest first")
    func list() async throws {
        try await withEngine { host, _ in
            let end = try await ChildProcess.run("berth", ["ps", "--host", host])
            #expect(end.status == 0, "\(end.errors)")
            let lines = end.output.split(separator: "\n")
            #expect(lines.count == 6)
            #expect(lines[0].hasPrefix("dddddddddddd  berth-user-carl  carl  2:30:0"))
            #expect(lines[0].hasSuffix("exited  stays, stopped when unused for 1:00:00"))
            #expect(lines[1].hasPrefix("bbbbbbbbbbbb  berth-2  bob  0:50:0"))
            #expect(lines[1].hasSuffix("created  over"))
            #expect(lines[2].hasSuffix("running  ends with its gateway"))
            #expect(lines[3].contains("exited  removed in 0:02:"))
            #expect(!end.output.contains("\u{1B}"))
        }
    }

    @Test("a container from the pool is its person's, by its name, and one that waits nobody's")
    func pooled() async throws {
        try await withEngine { host, _ in
            let end = try await ChildProcess.run("berth", ["ps", "--host", host])
            let lines = end.output.split(separator: "\n")
            #expect(lines.contains { $0.hasPrefix("eeeeeeeeeeee  berth-00ff.d.o_2fe  d.o/e  ") })
            #expect(lines.contains { $0.hasPrefix("ffffffffffff  berth-pool-1a  -  ") })
            let own = try await ChildProcess.run(
                "berth",
                ["ps", "--host", host, "--user", "d.o/e"]
            )
            #expect(own.output.split(separator: "\n").count == 1)
            #expect(own.output.hasPrefix("eeeeeeeeeeee"))
        }
    }

    @Test("ps lists one person's, and as JSON")
    func listJSON() async throws {
        try await withEngine { host, _ in
            let end = try await ChildProcess.run(
                "berth",
                ["ps", "--host", host, "--user", "bob", "--json"]
            )
            let records = try JSONSerialization.jsonObject(with: Data(end.output.utf8))
            let list = try #require(records as? [[String: Any]])
            #expect(list.count == 1)
            #expect(list.first?["owner"] as? String == "bob")
            #expect(list.first?["lease"] as? String == "over")
        }
    }

    @Test("gc removes what is over and nothing else; --dry-run removes nothing")
    func collect() async throws {
        try await withEngine { host, stub in
            let dry = try await ChildProcess.run("berth", ["gc", "--host", host, "--dry-run"])
            #expect(dry.output.hasPrefix("bbbbbbbbbbbb"))
            #expect(!stub.requests.contains { $0.method == "DELETE" })
            let end = try await ChildProcess.run("berth", ["gc", "--host", host])
            #expect(end.status == 0, "\(end.errors)")
            #expect(end.output.split(separator: "\n").count == 1)
            let removed = stub.requests.filter { $0.method == "DELETE" }.map(\.path)
            #expect(removed.count == 1)
            #expect(removed.first?.contains("/containers/bbbbbbbbbbbbbbbb?") == true)
        }
    }

    @Test("an engine that does not answer, and a broken file, end with a reason")
    func failures() async throws {
        let end = try await ChildProcess.run("berth", ["ps", "--host", "unix:///nonexistent"])
        #expect(end.status == 1)
        #expect(end.errors.contains("DOCKER_"))
        let file = FileManager.default.temporaryDirectory
            .appending(path: "berth-\(UUID().uuidString).yaml")
        try Data("docker: {connection: {host: 7}}".utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }  // A leftover harms nobody.
        let broken = try await ChildProcess.run("berth", ["gc", "--config", file.path])
        #expect(broken.status == 78)
        #expect(broken.errors.contains("docker.connection.host"))
    }
}
