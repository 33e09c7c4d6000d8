import GatewayCore
import NIOCore
import SharedMessages
import SharedSSH

/// Proofs about connections made inside a workspace.
enum ForwardProofs {
    /// A backend that cannot forward says so by the error that people get words for.
    static func isUnsupported(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            do {
                _ = try await workspace.dial(.tcp(host: "127.0.0.1", port: 1))
                throw ConformanceFailure("a dial is refused; it was not")
            } catch is OperationUnsupported {}
            do {
                _ = try await workspace.listen(.tcp(host: "127.0.0.1", port: 0))
                throw ConformanceFailure("listening is refused; it was not")
            } catch is OperationUnsupported {}
        }
    }

    static func dialReachesListener(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let (listener, place) = try await workspace.listenAnywhere()
            let (near, far) = try await workspace.connection(to: listener, at: place)
            try await near.say("question")
            try claim("it arrives", try await far.stream.hear(8) == "question")
            try await far.stream.say("answer")
            try claim("so does the answer", try await near.hear(6) == "answer")
            try claim("who connected is told", far.originator?.host == "127.0.0.1")
            await near.close()
            await far.stream.close()
            await listener.close()
        }
    }

    static func streamsEndEachForItself(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let (listener, place) = try await workspace.listenAnywhere()
            let (near, far) = try await workspace.connection(to: listener, at: place)
            guard subject.canHalfClose else { return try await endTogether(near, far.stream) }
            try await near.say("all of it")
            await near.closeWrite()
            try claim("the end arrives", try await far.stream.hear() == "all of it")
            try await far.stream.say("still here")
            await far.stream.closeWrite()
            try claim("the other way goes on", try await near.hear() == "still here")
            await near.close()
            await far.stream.close()
        }
    }

    /// What was said before the end arrives all the same, in both directions.
    private static func endTogether(
        _ near: any WorkspaceStream,
        _ far: any WorkspaceStream
    ) async throws {
        try await near.say("question")
        await near.closeWrite()
        try claim("it arrives", try await far.hear(8) == "question")
        try await far.say("the answer")
        await far.close()
        try claim("so does the answer", try await near.hear() == "the answer")
        await near.close()
    }

    static func largeStreamsAreIntact(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let (listener, place) = try await workspace.listenAnywhere()
            let (near, far) = try await workspace.connection(to: listener, at: place)
            let block = ByteBuffer(bytes: (0..<65_536).map { UInt8(truncatingIfNeeded: $0 &* 31) })
            let blocks = 256
            try await withThrowingTaskGroup(of: Void.self) { group in
                for stream in [near, far.stream] {
                    group.addTask {
                        for _ in 0..<blocks { try await stream.write(block) }
                        await stream.closeWrite()
                    }
                    group.addTask {
                        try await checked(stream, block, blocks, toEnd: subject.canHalfClose)
                    }
                }
                try await group.waitForAll()
            }
            await near.close()
            await far.stream.close()
        }
    }

    private static func checked(
        _ stream: any WorkspaceStream,
        _ block: ByteBuffer,
        _ blocks: Int,
        toEnd: Bool
    ) async throws {
        var rest = ByteBuffer()
        var count = 0
        while toEnd || count < blocks, let bytes = try await stream.read() {
            rest.writeImmutableBuffer(bytes)
            while let next = rest.readSlice(length: block.readableBytes) {
                try claim("block \(count) is as it was sent", next == block)
                count += 1
            }
            rest.discardReadBytes()
        }
        try claim("all arrived", count == blocks && rest.readableBytes == 0, seen: "\(count)")
    }

    static func dialsRunSideBySide(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let (listener, place) = try await workspace.listenAnywhere()
            let count = 20
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for _ in 0..<count { try await answer(try await listener.accept()) }
                }
                for number in 0..<count {
                    group.addTask {
                        let stream = try await workspace.dial(place)
                        let text = "number \(100 + number)"
                        try await stream.say(text)
                        let heard = try await stream.hear()
                        try claim("its own answer", heard == text, seen: heard)
                        await stream.close()
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    private static func answer(_ accepted: AcceptedStream?) async throws {
        guard let stream = accepted?.stream else { throw ConformanceFailure("one is accepted") }
        try await stream.say(try await stream.hear("number 100".utf8.count))
        await stream.closeWrite()
        await stream.close()
    }

    static func dialToNobodyIsRefused(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let (listener, place) = try await workspace.listenAnywhere()
            await listener.close()
            for destination in [place, .unixSocket(path: "/tmp/no-such.sock")] {
                do {
                    let stream = try await workspace.dial(destination)
                    await stream.close()
                    throw ConformanceFailure("\(destination) is refused; it was not")
                } catch let error as CodedError {
                    let text = error.personText ?? error.code.personText ?? ""
                    try claim("there are words for the person", !text.isEmpty)
                }
            }
        }
    }

    /// A listener that accepts nothing answers all the same, as the kernel does; only when its
    /// queue is full a dial has to wait.
    static func cancelledDialStops(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let (listener, place) = try await workspace.listenAnywhere()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<200 {
                    group.addTask {
                        // Cancelled, or connected already: either way it ends.
                        guard let stream = try? await workspace.dial(place) else { return }
                        await stream.close()
                    }
                }
                try await group.next()
                group.cancelAll()
                try await group.waitForAll()
            }
            let done = try await workspace.run("echo works")
            try claim("the workspace still works", done.output == "works\n", seen: "\(done)")
            await listener.close()
        }
    }
}
