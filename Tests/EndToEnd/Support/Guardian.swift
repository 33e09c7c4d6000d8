import Foundation
import Glibc
import Synchronization

/// Ends what the tests started and removes their folders once the test process is gone, however
/// it went: a shell that reads from a pipe until nobody holds its other end.
enum Guardian {
    private static let script = #"""
        trap '' INT TERM HUP
        pids=
        folders=
        while read -r what value; do
            case $what in
            watch) pids="$pids $value" ;;
            forget)
                rest=
                for pid in $pids; do [ "$pid" = "$value" ] || rest="$rest $pid"; done
                pids=$rest
                ;;
            remove) folders="$folders $value" ;;
            esac
        done
        for pid in $pids; do kill -TERM "$pid"; done
        turns=0
        while [ $turns -lt 100 ]; do
            rest=
            for pid in $pids; do ! kill -0 "$pid" || rest="$rest $pid"; done
            [ -n "$rest" ] || break
            pids=$rest
            turns=$((turns + 1))
            sleep 0.1
        done
        for pid in $rest; do kill -KILL "$pid"; done
        rm -rf $folders
        """#

    private static let pipe = Mutex<FileHandle?>(nil)

    static func watch(_ process: Int32) throws { try tell("watch \(process)") }

    static func forget(_ process: Int32) throws { try tell("forget \(process)") }

    /// Removes `folder` when the test process has ended; its path has no blanks.
    static func remove(_ folder: URL) throws { try tell("remove \(folder.path)") }

    private static func tell(_ line: String) throws {
        try pipe.withLock { pipe in
            let handle = try pipe ?? start()
            pipe = handle
            try handle.write(contentsOf: Data((line + "\n").utf8))
        }
    }

    private static func start() throws -> FileHandle {
        let input = Pipe()
        // A child of somebody else that kept this end open would keep the shell waiting.
        _ = fcntl(input.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
        let nowhere = try FileHandle(forUpdating: URL(filePath: "/dev/null"))
        let id = try Spawn.start(
            "/usr/bin/setsid",
            ["--fork", "/bin/sh", "-c", script],
            environment: ["PATH": "/usr/bin:/bin"],
            descriptors: [
                input.fileHandleForReading.fileDescriptor, nowhere.fileDescriptor,
                nowhere.fileDescriptor,
            ]
        )
        // It forks and ends at once. Swift Testing's exit tests wait for ever while a child of
        // this process that has ended is not collected.
        Spawn.collect(id)
        try input.fileHandleForReading.close()
        try nowhere.close()
        return input.fileHandleForWriting
    }
}
