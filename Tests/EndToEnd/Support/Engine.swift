import Foundation
import Testing

/// The engine of this machine, with the images that deploy/dev/docker.sh makes.
enum Engine {
    static let isThere = succeeds(["docker", "image", "inspect", "berth-test/busybox"])
    static let hasClientsImage = succeeds(["docker", "image", "inspect", "berth-test/clients"])
    static let reason: Comment = "needs a container engine, see deploy/dev/docker.sh"

    static let program = "/usr/bin/env"

    /// The words that begin a command line of Compose, of either version.
    static let compose: [String]? = [["docker-compose"], ["docker", "compose"]]
        .first { succeeds($0 + ["version"]) }
    static let composeReason: Comment = "needs docker-compose, see deploy/dev/deps.sh test"

    private static func succeeds(_ words: [String]) -> Bool {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/timeout")
        process.arguments = ["20"] + words
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
