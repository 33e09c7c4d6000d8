import GuestAgent
import Logging
import NIOCore
import NIOPosix
import SharedConfig
import SharedDocker
import SharedLogging
import SharedMessages
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// How the agent gets into the containers of one engine.
final class AgentDelivery: Sendable {
    enum Way: Sendable, Hashable {
        /// A folder of the engine's machine, bound into the container.
        case mount(String)
        /// An archive, unpacked in the container before it starts.
        case copy
    }

    private let files: AgentFiles
    private let asked: DockerAgentConfig.Delivery
    private let engine: EngineClient
    private let logger: Logger
    /// Learned from an engine that does not see our files.
    private let hasToCopy = Mutex(false)
    private let isNear = Mutex<Bool?>(nil)
    private let sockets = Mutex<String?>(nil)
    /// By container that runs.
    private let copies = Mutex<[String: Copies]>([:])

    private struct Copies {
        var finished = 0
        var running: Task<Void, any Error>?
    }

    /// Far more containers than people keep without the agent in them.
    private static let mostRemembered = 10_000

    init(
        files: AgentFiles,
        asked: DockerAgentConfig.Delivery,
        engine: EngineClient,
        logger: Logger
    ) {
        self.files = files
        self.asked = asked
        self.engine = engine
        self.logger = logger
    }

    /// How the next container gets it.
    func way() async throws -> Way {
        switch asked {
        case .copy, .none: return .copy
        case .mount: return .mount(try await folder())
        case .auto:
            guard await seesOurFiles(), !hasToCopy.withLock({ $0 }) else { return .copy }
            do {
                return .mount(try await folder())
            } catch let error as CodedError {
                // The archive needs the program only, not the folder.
                fallBack(error)
                return .copy
            }
        }
    }

    /// A way for the agent's bytes that spares the engine; `nil` where they go through it.
    func socket(for way: Way, on loop: any EventLoop) async -> AgentSocket? {
        guard case .mount = way, isOnSocket else { return nil }
        do {
            return try await AgentSocket.open(in: try await socketFolder(), on: loop)
        } catch {
            logger.emit(.dockerAgentSocketFailed, ["reason": "\(error)"])
            return nil
        }
    }

    private func socketFolder() async throws -> String {
        if let ready = sockets.withLock(\.self) { return ready }
        let folder = try await NIOThreadPool.singleton.runIfActive { [files] in
            try files.socketFolder()
        }
        sockets.withLock { $0 = folder }
        return folder
    }

    /// Whether a container that was not created because of `error` may be with another way.
    func canChange(_ way: Way, after error: any Error) -> Bool {
        guard asked == .auto, way != .copy, let error = error as? CodedError,
            error.engineStatus == 400, "\(error)".contains("bind source path does not exist")
        else { return false }
        fallBack(error)
        return true
    }

    private func fallBack(_ error: CodedError) {
        hasToCopy.withLock { $0 = true }
        logger.emit(.dockerAgentCopied, ["reason": "\(error)"])
    }

    /// Puts the agent into a container that was created and does not run.
    func copy(into container: String) async throws {
        let archive = try await NIOThreadPool.singleton.runIfActive { [files] in
            try files.archive()
        }
        try await engine.putArchive(archive, into: container, at: "/")
    }

    /// How often it was copied into a running container.
    func copies(in container: String) -> Int {
        copies.withLock { $0[container]?.finished ?? 0 }
    }

    /// Puts it into a running container, unless that was done after the copy with this number.
    /// Callers at the same time share one copy: each would be in the others' way.
    func copy(intoRunning container: String, after number: Int) async throws {
        let running = copies.withLock { copies -> Task<Void, any Error>? in
            let known = copies[container] ?? Copies()
            guard known.finished == number else { return nil }
            if let running = known.running { return running }
            if copies.count >= Self.mostRemembered {
                copies = copies.filter { $0.value.running != nil }
            }
            // Bounded by the client's own time limit.
            let running = Task { try await self.copyOnce(into: container) }
            copies[container] = Copies(finished: number, running: running)
            return running
        }
        try await running?.value
    }

    private func copyOnce(into container: String) async throws {
        let result: Result<Void, any Error>
        do {
            result = .success(try await copy(into: container))
        } catch {
            result = .failure(error)
        }
        copies.withLock { copies in
            copies[container]?.running = nil
            copies[container]?.finished += 1
        }
        try result.get()
    }

    private func folder() async throws -> String {
        try await NIOThreadPool.singleton.runIfActive { [files] in try files.preparedFolder() }
    }

    /// An engine on a socket of this machine sees this machine's files, unless we are in a
    /// container and the engine is not.
    private func seesOurFiles() async -> Bool {
        guard case .unixSocket(let path) = engine.address.endpoint else { return false }
        if let known = isNear.withLock(\.self) { return known }
        do {
            let answer = try await NIOThreadPool.singleton.runIfActive {
                let isInContainer = ["/.dockerenv", "/run/.containerenv"].contains {
                    FileManager.default.fileExists(atPath: $0)
                }
                return !isInContainer || EngineNeighbourhood.hasEngine(at: path)
            }
            isNear.withLock { $0 = answer }
            return answer
        } catch {
            // Shutting down.
            return false
        }
    }

    private var isOnSocket: Bool {
        if case .unixSocket = engine.address.endpoint { true } else { false }
    }
}
