import Foundation
import Glibc
import Synchronization
import Testing

/// What the tests find on this machine and in this source tree.
enum Surroundings {
    /// The root of the source tree.
    static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// The folder of the built programs, in which the test bundle lies too.
    static let programs = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()

    /// Where a run leaves what is looked at afterwards: logs and emitted codes.
    static let results = root.appending(path: "var/test")

    static let scripts = root.appending(path: "Tests/EndToEnd/Clients/Scripts")

    /// Sandboxes of the default configuration need root and bubblewrap.
    static let canSandbox = geteuid() == 0 && isExecutable("/usr/bin/bwrap")
    static let sandboxReason: Comment = "needs root and /usr/bin/bwrap"

    /// Python with the SSH clients that deploy/dev/deps.sh installs.
    static let python: String? = {
        let given = ProcessInfo.processInfo.environment["BERTH_TEST_PYTHON"]
        let path = given ?? root.appending(path: "var/python/bin/python3").path
        return isExecutable(path) ? path : nil
    }()
    static let pythonReason: Comment = "needs the Python packages of deploy/dev/deps.sh test"

    static func isExecutable(_ path: String) -> Bool {
        FileManager.default.isExecutableFile(atPath: path)
    }

    /// A folder for all that this test process writes, gone when it is.
    static func temporaryFolder(_ name: String) throws -> URL {
        let folder = URL(filePath: NSTemporaryDirectory())
            .appending(path: "berth-\(name)-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Guardian.remove(folder)
        return folder
    }

    /// A file of its own for the codes of one process.
    static func codesFile() throws -> String {
        let given = ProcessInfo.processInfo.environment["BERTH_TEST_CODES_DIR"]
        let folder = given.map { URL(filePath: $0) } ?? results.appending(path: "codes")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder.appending(path: UUID().uuidString).path
    }

    private static let givenPorts = Mutex<Set<UInt16>>([])

    /// A port of 127.0.0.1 on which nobody listens and that the kernel gives to nobody by itself.
    static func freePort() -> Int {
        while true {
            let port = UInt16.random(in: 18_000...31_999)
            guard givenPorts.withLock({ $0.insert(port).inserted }), isFree(port) else { continue }
            return Int(port)
        }
    }

    private static func isFree(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
