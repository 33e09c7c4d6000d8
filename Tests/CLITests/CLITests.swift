import ChildProcess
import Foundation
import SharedMessages
import StubHTTPServer
import Testing

@Suite("The tool berth", .timeLimit(.minutes(5)))
struct CLITests {
    private func berth(_ arguments: String...) async throws -> ChildProcess.End {
        try await ChildProcess.run("berth", arguments)
    }

    @Test("explain says what a code means, whatever its case", arguments: ["SSH_EXIT", "ssh-exit"])
    func explain(code: String) async throws {
        let end = try await berth("explain", code)
        #expect(end.status == 0)
        #expect(end.output == MessageCode.sshExit.terminalText + "\n")
    }

    @Test("explain of an unknown code suggests near ones and ends with status 1")
    func unknown() async throws {
        let end = try await berth("explain", "SSH_EXIST")
        #expect(end.status == 1)
        #expect(end.output.isEmpty)
        #expect(end.errors.contains("Did you mean:\n  SSH_EXIT"))
    }

    @Test("explain --all lists every code")
    func all() async throws {
        let end = try await berth("explain", "--all")
        #expect(end.output.split(separator: "\n").count == MessageCode.all.count)
    }

    @Test("codes --markdown prints the reference")
    func markdown() async throws {
        #expect(try await berth("codes", "--markdown").output == CodesDocument.markdown())
    }

    @Test("no terminal control gets through from an argument")
    func control() async throws {
        let end = try await berth("explain", "\u{1B}[2J")
        #expect(end.status == 1)
        #expect(!end.errors.contains("\u{1B}"))
    }

    @Test("healthcheck of a daemon that is not there ends with status 1 and the reason")
    func healthcheckNobody() async throws {
        let end = try await berth("healthcheck", "--url", "http://127.0.0.1:1/readyz")
        #expect(end.status == 1)
        #expect(end.errors.contains("CORE_HEALTH_CHECK_FAILED"))
    }

    @Test(
        "healthcheck ends with status 0 for 200 and with 1 for anything else",
        arguments: [200, 503]
    )
    func healthcheck(status: Int) async throws {
        try await StubHTTPServer.run { _, _ in
            .json(#"{"code":"X","message":"why"}"#, status: status)
        } _: { url, stub in
            let end = try await berth("healthcheck", "--url", url + "/readyz")
            #expect(end.status == (status == 200 ? 0 : 1))
            #expect(end.errors.contains("why") == (status != 200))
            #expect(stub.requests.map(\.path) == ["/readyz"])
        }
    }
}
