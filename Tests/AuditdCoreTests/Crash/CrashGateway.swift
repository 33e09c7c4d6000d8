import AuditClient
import Foundation
import NIOCore
import SharedAudit
import SharedHTTP

@testable import AuditdCore

/// A gateway that does nothing but hand recordings to auditd, and knows what was acknowledged.
struct CrashGateway {
    struct Session {
        let id: RecordingID
        let bytes: [UInt8]
        var acknowledged = 0
        var mustOpen = true
        /// The end was sent, so that it may be there already.
        var isEnding = false
        var isFinished = false
    }

    private(set) var sessions: [Session]
    /// What an auditd must never do.
    private(set) var problems: [String] = []
    private let client: HTTPClient
    private let name: String
    private var random: SeededGenerator

    init(_ plan: CrashPlan, client: HTTPClient) throws {
        random = SeededGenerator(state: plan.seed ^ 0xABCD)
        name = "gateway-\(plan.seed)"
        self.client = client
        sessions = try plan.sizes.enumerated().map { number, size in
            let id = RecordingID(high: plan.seed, low: UInt64(number + 1))
            return Session(id: id, bytes: try Self.recording(id, size, plan.seed &+ UInt64(number)))
        }
    }

    var total: Int { sessions.reduce(0) { $0 + $1.bytes.count } }
    var acknowledged: Int { sessions.reduce(0) { $0 + $1.acknowledged } }
    var isDone: Bool { sessions.allSatisfy(\.isFinished) }

    /// A recording of about that many bytes, as gateways encode them.
    private static func recording(
        _ id: RecordingID,
        _ size: Int,
        _ seed: UInt64
    ) throws -> [UInt8] {
        guard let deflater = Deflater() else { throw CocoaError(.coderInvalidValue) }
        var encoder = BinaryEncoder()
        var bytes = ByteBuffer()
        var time: Int64 = 1_700_000_000_000_000_000
        func add(_ event: AuditEvent) {
            time += 1_000_000
            encoder.append(
                AuditMessage(
                    connectionID: "\(id)",
                    timestamp: time,
                    channelID: nil,
                    event: event
                )
            )
            bytes.writeImmutableBuffer(encoder.flush(using: deflater))
        }
        add(.connect(remoteAddress: "192.0.2.7", country: "CH"))
        add(.handshakeSuccessful(username: "user"))
        var generator = SeededGenerator(state: seed)
        while bytes.readableBytes < size {
            let rest = max(1, size - bytes.readableBytes)
            let count = min(rest, Int.random(in: 1...40_000, using: &generator))
            add(.io(.stdout, ByteBuffer(bytes: noise(count, seed: generator.next()))))
        }
        encoder.append(
            AuditMessage(connectionID: "\(id)", timestamp: time, channelID: nil, event: .disconnect)
        )
        bytes.writeImmutableBuffer(encoder.finish(using: deflater))
        return Array(bytes.readableBytesView)
    }

    enum Answer {
        case taken
        /// There is an auditd, and it can't.
        case refused
        case nothing
    }

    /// Sends one batch and notes what was answered.
    mutating func send() async -> Answer {
        var batch = RecordingBatch(gateway: name)
        var numbers: [Int] = []
        for number in sessions.indices where !sessions[number].isFinished {
            guard Int.random(in: 0..<3, using: &random) > 0 else { continue }
            for action in actions(number) {
                batch.frames.append(.init(sessions[number].id, action))
                numbers.append(number)
            }
        }
        let body = Array(batch.encoded().readableBytesView)
        let limit = Duration.seconds(20)
        let call = HTTPCall(.post, RecordingRoutes.batch, body: body, timeLimit: .total(limit))
        let reply = try? await client.send(call)
        guard let reply, reply.status == 200,
            let results = try? reply.decode(BatchReply.self).results,
            results.count == numbers.count
        else {
            for number in sessions.indices { sessions[number].mustOpen = true }
            return reply == nil ? .nothing : .refused
        }
        for (index, number) in numbers.enumerated() {
            note(results[index], batch.frames[index].action, number)
        }
        return results.contains { $0.status == 507 } ? .refused : .taken
    }

    private mutating func actions(_ number: Int) -> [RecordingBatch.Action] {
        let session = sessions[number]
        var actions: [RecordingBatch.Action] = []
        if session.mustOpen { actions.append(.open(BatchJSON.encode(sampleFacts))) }
        // Now and then something is sent once more.
        let isRepeating = Int.random(in: 0..<8, using: &random) == 0
        let back = isRepeating ? Int.random(in: 0...session.acknowledged, using: &random) : 0
        let start = session.acknowledged - back
        let most = session.bytes.count > 100_000 ? session.bytes.count / 6 : 30_000
        let length = Int.random(in: 0...most, using: &random)
        let end = min(session.bytes.count, session.acknowledged + length)
        if end > start {
            let bytes = ByteBuffer(bytes: session.bytes[start..<end])
            actions.append(.append(offset: UInt64(start), bytes))
        }
        if end == session.bytes.count {
            actions.append(.finish(length: UInt64(end)))
            sessions[number].isEnding = true
        }
        return actions
    }

    private mutating func note(
        _ result: FrameResult,
        _ action: RecordingBatch.Action,
        _ number: Int
    ) {
        let durable = Int(clamping: result.durable)
        let before = sessions[number].acknowledged
        switch (result.status, action) {
        case (200, .open):
            sessions[number].mustOpen = false
            if durable < before { lost(number, "opened with \(durable) of \(before)") }
        case (200, .append):
            if durable < before { lost(number, "appended to \(durable) of \(before)") }
            sessions[number].acknowledged = max(before, durable)
        case (200, .finish):
            sessions[number].acknowledged = sessions[number].bytes.count
            sessions[number].isFinished = true
        case (410, _) where sessions[number].isEnding:
            sessions[number].acknowledged = sessions[number].bytes.count
            sessions[number].isFinished = true
        // There is too little space for another one; it comes back.
        case (507, .open) where before == 0: sessions[number].mustOpen = true
        case (404, _) where before == 0: sessions[number].mustOpen = true
        case (409, _):
            if durable < before { lost(number, "has \(durable) of \(before)") }
        case (404, _): lost(number, "unknown, had \(before)")
        default: lost(number, "answered \(result.status) \(result.code ?? "")")
        }
    }

    private mutating func lost(_ number: Int, _ what: String) {
        problems.append("recording \(sessions[number].id): \(what)")
    }
}
