import BackendConformance
import BackendPool
import Foundation
import GatewayCore
import NIOCore
import SharedConfig
import SharedSSH
import Testing

@testable import OCIBackend

@Suite(
    "How long containers take",
    .enabled(if: OCIMachine.isAble, OCIMachine.reason),
    .serialized
)
struct OCIFigureTests {
    @Test(
        "a cold container, a warm one and a further command are measured",
        arguments: [false, true]
    )
    func measures(isWarm: Bool) async throws {
        try await OCIFixture.with({
            if isWarm { $0.pool.minimum = 4; $0.pool.maximum = 4 }
        }) { fixture in
            try await fixture.backend.check()
            var opens: [Duration] = []
            var furthers: [Duration] = []
            var closes: [Duration] = []
            for _ in 0..<20 {
                if isWarm {
                    try await eventually(.seconds(90), "one waits") {
                        fixture.keeper.pool.waiting > 0
                    }
                }
                let start = ContinuousClock.now
                let workspace = try await fixture.subject.open(ConformanceSubject.newConnectionID())
                try await echo(workspace)
                let opened = ContinuousClock.now
                try await echo(workspace)
                let again = ContinuousClock.now
                await workspace.close()
                opens.append(opened - start)
                furthers.append(again - opened)
                closes.append(ContinuousClock.now - again)
            }
            let kind = isWarm ? "warm" : "cold"
            print("measured: oci", kind, "open to first byte, median", opens.sorted()[10])
            print("measured: oci", kind, "further command, median", furthers.sorted()[10])
            print("measured: oci", kind, "close, median", closes.sorted()[10])
            #expect(opens.allSatisfy { $0 < .seconds(30) })
        }
    }

    /// Until the first byte of a program.
    private func echo(_ workspace: any Workspace) async throws {
        let program = try await workspace.start(ProgramRequest(kind: .exec("echo x")))
        let first = try await program.nextOutput()
        #expect(first?.bytes.readableBytes ?? 0 > 0)
        await program.terminate()
    }
}
