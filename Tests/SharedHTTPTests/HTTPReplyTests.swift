import SharedHTTP
import SharedMessages
import SharedModels
import Testing

@Suite("HTTP reply")
struct HTTPReplyTests {
    private struct Answer: Codable, Equatable { var success: Bool }

    private func reply(_ body: String, status: Int = 200) -> HTTPReply {
        HTTPReply(head: HTTPReplyHead(status: status, headers: [:]), body: Array(body.utf8))
    }

    @Test("decodes JSON whatever the status")
    func decodes() throws {
        #expect(try reply(#"{"success":true}"#, status: 500).decode(Answer.self).success)
    }

    @Test(
        "that does not decode fails with a code and does not quote the body",
        arguments: [
            "", "hunter2", "[", #"{"success":"hunter2"}"#, "{}", "null", "\u{0}hunter2",
            String(repeating: "[", count: 100_000),
        ]
    )
    func hostile(_ body: String) {
        let error = #expect(throws: CodedError.self) { try reply(body).decode(Answer.self) }
        #expect(error?.code == .httpClientDecodeFailed)
        #expect(error?.description.contains("hunter2") == false)
    }

    @Test("of a daemon that refuses tells its reason")
    func refusal() {
        let refused = reply(#"{"code":"X_Y","message":"no"}"#, status: 404)
        #expect(refused.refusal == ErrorBody(code: "X_Y", message: "no"))
        #expect(reply("<html>", status: 502).refusal == nil)
        #expect(reply(#"{"code":"X_Y","message":"no"}"#).refusal == nil)
    }
}
