import BackendConformance
import BackendMachine
import BackendPool
import Foundation
import GatewayCore
import Glibc
import Logging
import NIOCore
import NIOPosix
import SharedConfig
import SharedImages
import SharedMessages
import SharedModels
import Testing

@testable import OCIBackend

/// Real containers need root, a runtime, and a busybox that needs nothing.
enum OCIMachine {
    static let busybox = "/bin/busybox"

    static let runtimes = ["/usr/bin/crun", "/usr/sbin/runc", "/usr/bin/runc"]
        .filter { (path: String) in unsafe access(path, X_OK) == 0 }

    static let isAble: Bool = {
        unsafe geteuid() == 0 && !runtimes.isEmpty && access(busybox, X_OK) == 0
    }()

    static let reason: Comment = "needs root, crun or runc, and busybox-static"

    /// The agent, built beside the test bundle.
    static var agentPath: String {
        let arguments = CommandLine.arguments
        let bundle = arguments.first { $0.hasSuffix(".xctest") } ?? arguments[0]
        let folder = URL(fileURLWithPath: bundle).deletingLastPathComponent()
        return folder.appendingPathComponent("berth-agent").path
    }
}

/// A backend with state and image directories of its own.
struct OCIFixture {
    let backend: OCIBackend
    let keeper: OCIKeeper
    let subject: ConformanceSubject
    let config: OCIConfig
    let folder: String

    static let image = "busybox"

    /// Gives `body` a backend with an image, and removes its directories afterwards.
    static func with<Value>(
        _ change: (inout OCIConfig) -> Void = { _ in },
        carried: ConnectionMetadata = ConnectionMetadata(),
        mounts: [CgroupMount] = CgroupMount.all(),
        logger: Logger = silent,
        report: @escaping @Sendable (PoolEvent) -> Void = { _ in },
        _ body: (OCIFixture) async throws -> Value
    ) async throws -> Value {
        let folder = try makeFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let fixture = try make(
            in: folder,
            change,
            carried: carried,
            mounts: mounts,
            logger: logger,
            report: report
        )
        let result: Result<Value, any Error>
        do {
            result = .success(try await body(fixture))
        } catch {
            result = .failure(error)
        }
        await fixture.keeper.pool.close()
        return try result.get()
    }

    static let silent = Logger(label: "oci-tests") { _ in SwiftLogNoOpLogHandler() }

    /// Without a slash in the name that a runtime's socket could not take.
    static func makeFolder() throws -> String {
        let folder = NSTemporaryDirectory() + "berth-oci-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try importImage(into: folder)
        return folder
    }

    static func make(
        in folder: String,
        _ change: (inout OCIConfig) -> Void = { _ in },
        carried: ConnectionMetadata = ConnectionMetadata(),
        mounts: [CgroupMount] = CgroupMount.all(),
        logger: Logger = silent,
        report: @escaping @Sendable (PoolEvent) -> Void = { _ in }
    ) throws -> OCIFixture {
        var config = OCIConfig()
        config.image = image
        config.imageDirectory = folder + "/images"
        config.stateDirectory = folder + "/state"
        config.agentPath = OCIMachine.agentPath
        // Tests run beside others on machines that are busy.
        config.timeouts.start = .seconds(60)
        config.timeouts.commandStart = .seconds(60)
        change(&config)
        let keeper = OCIKeeper(config, mounts: mounts, logger: logger, report: report)
        let backend = try OCIBackend(config: config, keeper: keeper, logger: logger)
        let subject = ConformanceSubject(
            backend: backend,
            eventLoop: NIOSingletons.posixEventLoopGroup.any(),
            carried: carried,
            leftovers: { OCILeftovers.find($0, state: folder + "/state") }
        )
        return OCIFixture(
            backend: backend,
            keeper: keeper,
            subject: subject,
            config: config,
            folder: folder
        )
    }

    /// An image of nothing but busybox, with `passwd` and `group`.
    private static func importImage(into folder: String) throws {
        let root = folder + "/root"
        let files = FileManager.default
        for name in ["bin", "etc", "tmp", "root", "home/guest"] {
            try files.createDirectory(
                atPath: root + "/" + name,
                withIntermediateDirectories: true
            )
        }
        try files.copyItem(atPath: OCIMachine.busybox, toPath: root + "/bin/busybox")
        for tool in [
            "sh", "cat", "head", "sleep", "stty", "env", "yes", "id", "ls", "echo", "printf", "dd",
            "kill", "mount", "ps", "hostname", "tail", "nc", "wc", "tr", "true", "rm", "mknod",
            "ln",
            "chmod", "touch", "test", "seq", "od", "grep", "ip", "pwd", "ulimit", "base64",
        ] {
            try files.createSymbolicLink(
                atPath: root + "/bin/" + tool,
                withDestinationPath: "busybox"
            )
        }
        try Data("root:x:0:0:root:/root:/bin/sh\nguest:x:1000:1000::/home/guest:/bin/sh\n".utf8)
            .write(to: URL(fileURLWithPath: root + "/etc/passwd"))
        try Data("root:x:0:\nguest:x:1000:\nextra:x:2000:guest\n".utf8)
            .write(to: URL(fileURLWithPath: root + "/etc/group"))
        let status = unsafe system("tar -C '\(root)' -cf '\(folder)/image.tar' .")
        try #require(status == 0)
        let name = try #require(ImageName(image))
        let store = try ImageStore(path: folder + "/images", creates: true)
        _ = try ImageImporter(store: store).run(name, from: folder + "/image.tar")
    }
}

/// What a container has left on this machine.
enum OCILeftovers {
    static func find(_ id: String, state: String) -> [String] {
        groups(id).flatMap { [$0] + processes(in: $0) } + files(id, state) + mounts(id)
    }

    static func groups(_ id: String) -> [String] {
        CgroupMount.all().map { "\($0.path)/\(OCIHost.groupFolder)/\(id)" }
            .filter { FileManager.default.fileExists(atPath: $0) }
    }

    /// Process numbers in a control group.
    static func processes(in group: String) -> [String] {
        let text = (try? String(contentsOfFile: group + "/cgroup.procs", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map { "process \($0)" }
    }

    private static func files(_ id: String, _ state: String) -> [String] {
        let instances = state + "/instances"
        return names(instances)
            .flatMap { instance in
                ["leases", "containers", "runtime"].map { "\(instances)/\(instance)/\($0)/\(id)" }
            }
            .filter { FileManager.default.fileExists(atPath: $0) }
    }

    private static func mounts(_ id: String) -> [String] {
        let text = (try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").filter { $0.contains(id) }.map(String.init)
    }

    static func names(_ folder: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    }
}
