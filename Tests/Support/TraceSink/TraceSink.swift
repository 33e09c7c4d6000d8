package import StubHTTPServer
import Synchronization

/// A collector of traces: an OTLP/HTTP receiver that keeps what arrives.
package final class TraceSink: Sendable {
    private struct State {
        var spans: [SunkSpan] = []
        var faults: [String] = []
        var calls = 0
    }

    private let state = Mutex(State())

    /// Every span of the calls that were answered with 200.
    package var spans: [SunkSpan] { state.withLock { $0.spans } }
    /// What was wrong with calls.
    package var faults: [String] { state.withLock { $0.faults } }
    package var calls: Int { state.withLock { $0.calls } }

    /// Runs `body` with the collector's URL and the collector, which answers the n-th call, counted
    /// from 0, as `answer` says.
    package static func run<Result>(
        _ answer: @escaping @Sendable (Int) -> StubAnswer = { _ in .json("{}") },
        _ body: (String, TraceSink) async throws -> Result
    ) async throws -> Result {
        let sink = TraceSink()
        return try await StubHTTPServer.run({ request, number in
            sink.receive(request, answer(number))
        }) { url, _ in try await body(url, sink) }
    }

    private func receive(_ request: StubRequest, _ answer: StubAnswer) -> StubAnswer {
        state.withLock { state in
            state.calls += 1
            do throws(TraceReader.Fault) {
                try Self.check(request)
                let spans = try TraceReader.read(request.body)
                if answer.isAccepted { state.spans += spans }
            } catch {
                state.faults.append(error.description)
            }
        }
        return answer
    }

    private static func check(_ request: StubRequest) throws(TraceReader.Fault) {
        guard request.method == "POST", request.path == "/v1/traces" else {
            throw .init(description: "\(request.method) \(request.path) is no route")
        }
        guard request.headers["content-type"] == "application/json" else {
            throw .init(description: "the content type is wrong")
        }
        guard request.headers["traceparent"] == nil else {
            throw .init(description: "the exporter traces itself")
        }
    }
}

extension StubAnswer {
    fileprivate var isAccepted: Bool {
        switch self {
        case .reply(let status, _, _): status == 200
        case .late(_, let answer): answer.isAccepted
        case .silence, .hangUp, .raw, .cut, .flood: false
        }
    }
}
