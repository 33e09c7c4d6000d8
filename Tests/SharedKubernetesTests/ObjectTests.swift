import NIOCore
import SharedConfig
import Testing

@testable import SharedKubernetes

@Suite("Objects of the API")
struct ObjectTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test("a program's status is read, and what is none is refused")
    func status() throws {
        #expect(
            try ExecStatus(bytes(#"{"metadata":{},"status":"Success"}"#)) == .exited(0)
        )
        let failed =
            #"{"status":"Failure","reason":"NonZeroExitCode","#
            + #""details":{"causes":[{"reason":"ExitCode","message":"137"}]}}"#
        #expect(try ExecStatus(bytes(failed)) == .exited(137))
        let broken = #"{"status":"Failure","reason":"InternalError","message":"no such file"}"#
        #expect(
            try ExecStatus(bytes(broken))
                == .failed(reason: "InternalError", message: "no such file")
        )
        let odd =
            #"{"status":"Failure","reason":"NonZeroExitCode","#
            + #""details":{"causes":[{"reason":"ExitCode","message":"many"}]}}"#
        #expect(try ExecStatus(bytes(odd)) == .failed(reason: "NonZeroExitCode", message: ""))
        #expect(throws: ClusterFault.self) { try ExecStatus(bytes("{")) }
    }

    @Test("events of a watch are read; 410 wants a new start")
    func events() throws {
        let pod = #"{"metadata":{"name":"a","resourceVersion":"7"}}"#
        guard
            case .changed(let changed) = try PodEvent(
                line: bytes(#"{"type":"MODIFIED","object":\#(pod)}"#)
            )
        else {
            Issue.record("no change")
            return
        }
        #expect(changed.version == "7")
        #expect(
            try PodEvent(line: bytes(#"{"type":"BOOKMARK","object":\#(pod)}"#))
                == .bookmark(version: "7")
        )
        let expired = #"{"type":"ERROR","object":{"code":410,"reason":"Expired","message":"old"}}"#
        guard case .failed(let refusal) = try PodEvent(line: bytes(expired)) else {
            Issue.record("no failure")
            return
        }
        #expect(refusal.status == 410)
        for text in ["", "[]", #"{"type":"ODD"}"#, #"{"type":"ADDED""#] {
            #expect(throws: ClusterFault.self) { try PodEvent(line: bytes(text)) }
        }
    }

    @Test("lines of a watch are cut wherever the bytes are; one without end is refused")
    func lines() throws {
        var lines = EventLines()
        for byte in "one\n\ntwo\nthr".utf8 { lines.add(ByteBuffer(bytes: [byte])) }
        #expect(try lines.take() == Array("one".utf8))
        #expect(try lines.take() == Array("two".utf8))
        #expect(try lines.take() == nil)
        lines.add(ByteBuffer(repeating: 65, count: 5 << 20))
        #expect(throws: ClusterFault.self) { try lines.take() }
    }

    @Test("a container is found by its name, not by its place")
    func containers() throws {
        let pod = Pod(
            try JSONTree.parse(
                bytes(
                    """
                    {"status":{"phase":"Running","containerStatuses":[
                    {"name":"a","state":{"terminated":{"exitCode":137,"reason":"OOMKilled"}}},
                    {"name":"b","state":{"running":{}}},
                    {"name":"c","state":{"waiting":{"reason":"ErrImagePull","message":"m"}}},
                    {"name":"d"}]}}
                    """
                )
            ).tree
        )
        #expect(pod.container("b") == .running)
        #expect(pod.container("a") == .ended(status: 137, reason: "OOMKilled", message: ""))
        #expect(pod.container("c") == .waiting(reason: "ErrImagePull", message: "m"))
        #expect(pod.container("d") == .waiting(reason: "", message: ""))
        #expect(pod.container("e") == nil)
    }

    @Test("a refusal keeps the server's words, however they come")
    func refusals() {
        let status = ClusterRefusal(
            status: 429,
            body: bytes(#"{"kind":"Status","reason":"TooManyRequests","message":"later"}"#),
            retryAfter: "3"
        )
        #expect(status.retryAfter == .seconds(3))
        #expect(status.isRetryable)
        #expect(status.message == "later")
        let proxy = ClusterRefusal(status: 502, body: bytes("<html>"), retryAfter: nil)
        #expect(proxy.message == "<html>")
        #expect(!ClusterRefusal(status: 403, message: "").isRetryable)
    }
}
