import BackendConformance
import Foundation
import GatewayCore
import Glibc
import Logging
import NIOCore
import NIOPosix
import SharedConfig
import SharedMessages
import SharedModels
import Testing

@testable import SandboxBackend
import BackendMachine

/// Real sandboxes need root (or user namespaces) and bubblewrap.
enum SandboxHost {
    static let isAble: Bool = {
        unsafe access("/usr/bin/bwrap", X_OK) == 0 && geteuid() == 0
    }()

    static let reason: Comment = "needs root and /usr/bin/bwrap"

    /// The init program, built beside the test bundle.
    static var initPath: String {
        let arguments = CommandLine.arguments
        let bundle = arguments.first { $0.hasSuffix(".xctest") } ?? arguments[0]
        let folder = URL(fileURLWithPath: bundle).deletingLastPathComponent()
        return folder.appendingPathComponent("berth-sandbox-init").path
    }
}

/// A backend with a state directory of its own.
struct SandboxFixture {
    let backend: SandboxBackend
    let subject: ConformanceSubject
    let state: String

    /// Gives `body` a backend and removes its state directory afterwards.
    static func with<Value>(
        _ change: (inout SandboxConfig) -> Void = { _ in },
        carried: ConnectionMetadata = ConnectionMetadata(),
        _ body: (SandboxFixture) async throws -> Value
    ) async throws -> Value {
        let state = temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: state) }
        let backend = try backend(state: state, change)
        let subject = subject(backend, state, carried: carried)
        return try await body(SandboxFixture(backend: backend, subject: subject, state: state))
    }

    static func backend(
        state: String,
        _ change: (inout SandboxConfig) -> Void = { _ in }
    ) throws -> SandboxBackend {
        var config = SandboxConfig()
        config.stateDirectory = state
        config.initPath = SandboxHost.initPath
        // Tests run beside others on machines that are busy.
        config.timeouts.commandStart = .seconds(60)
        change(&config)
        return try SandboxBackend(
            config: config,
            logger: Logger(label: "sandbox-tests") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    static func subject(
        _ backend: SandboxBackend,
        _ state: String,
        carried: ConnectionMetadata = ConnectionMetadata()
    ) -> ConformanceSubject {
        ConformanceSubject(
            backend: backend,
            eventLoop: NIOSingletons.posixEventLoopGroup.any(),
            carried: carried,
            leftovers: { Leftovers.find($0, state: state) }
        )
    }

    static func temporaryFolder() -> String {
        NSTemporaryDirectory() + "berth-sandbox-" + UUID().uuidString
    }
}

/// What a sandbox has left on this machine.
enum Leftovers {
    static func find(_ id: String, state: String) -> [String] {
        groups(id).flatMap { [$0] + processes(in: $0) } + leases(id, state)
    }

    static func groups(_ id: String) -> [String] {
        let mounts = CgroupMount.parse(
            (try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) ?? ""
        )
        return mounts.map { "\($0.path)/\(SandboxWorkshop.groupFolder)/\(id)" }
            .filter { FileManager.default.fileExists(atPath: $0) }
    }

    /// Process numbers in a control group.
    static func processes(in group: String) -> [String] {
        let text = (try? String(contentsOfFile: group + "/cgroup.procs", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map { "process \($0)" }
    }

    private static func leases(_ id: String, _ state: String) -> [String] {
        let instances = state + "/instances"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: instances)) ?? []
        return names.map { "\(instances)/\($0)/leases/\(id)" }
            .filter { FileManager.default.fileExists(atPath: $0) }
    }
}
