import InMemoryLogging
import Logging
import MetricsClient
import MetricsTestKit
import SharedMessages
import SharedSSH
import Testing

@testable import GatewayCore

@Suite("Reasons of a connection's end")
struct DisconnectTests {
    @Test("each reason of RFC 4253 has a name and a code of its own, unknown ones share theirs")
    func table() {
        let known = (1...15).map { DisconnectReason(rawValue: $0) }
        #expect(Set(known.map(\.name)).count == 15)
        #expect(Set(known.map(\.code)).count == 15)
        for number in [0, 16, 1000, UInt32.max] {
            let reason = DisconnectReason(rawValue: number)
            #expect(reason.name == "unknown")
            #expect(reason.code == .sshDisconnectUnknown)
        }
    }

    @Test(
        "every end has a reason and a side",
        arguments: [
            (.byClient(.authenticationCancelled, text: "no"), 13, .remote, "no"),
            (.byClient(nil, text: "connection closed"), 10, .remote, "connection closed"),
            (.byServer(.macError, text: "bad"), 5, .local, "bad"),
            (.lost(text: "reset"), 10, .remote, "reset"),
            (.silent, 10, .local, "keepalives unanswered"),
            (.graceExceeded, 11, .local, "login grace time exceeded"),
        ] as [(ConnectionEnd, UInt32, Disconnect.Side, String)]
    )
    func ends(_ end: ConnectionEnd, _ reason: UInt32, _ side: Disconnect.Side, _ text: String) {
        #expect(
            Disconnect(end)
                == Disconnect(reason: DisconnectReason(rawValue: reason), side: side, text: text)
        )
    }

    @Test("an end is logged under its code with number, side and text, and counted")
    func reported() throws {
        let log = InMemoryLogHandler()
        let metrics = TestMetrics()
        let report = DisconnectReport(
            metrics: GatewayMetrics(factory: metrics),
            logger: Logger(label: "test") { _ in log }
        )
        for side in Disconnect.Side.allCases {
            for number in UInt32(1)...16 {
                report.report(
                    Disconnect(reason: DisconnectReason(rawValue: number), side: side, text: "why")
                )
            }
        }
        let entry = try #require(
            log.entries.first { $0.metadata["reasonCode"] == .stringConvertible(UInt32(5)) }
        )
        #expect(entry.metadata["code"] == "SSH_DISCONNECT_MAC_ERROR")
        #expect(entry.metadata["side"] == "local")
        #expect(entry.metadata["text"] == "why")
        for side in ["local", "remote"] {
            for name in ["mac_error", "illegal_user_name", "unknown"] {
                let counter = try metrics.expectCounter(
                    "berth_ssh_disconnects_total",
                    [("reason", name), ("side", side)]
                )
                #expect(counter.totalValue == 1)
            }
        }
    }
}
