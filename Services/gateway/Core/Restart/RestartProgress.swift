import CProcess
import Foundation
import Glibc
import NIOCore

/// How far a successor's start is, said as one byte each through a pipe.
enum RestartProgress: UInt8 {
    /// It has its sockets and needs the listeners that cannot be shared.
    case listening = 0x4C
    /// It accepts connections.
    case accepting = 0x41
}

/// The successor's end.
struct ProgressReport {
    let descriptor: CInt

    /// A predecessor that is gone hears nothing, and need not.
    func send(_ progress: RestartProgress) {
        var byte = progress.rawValue
        _ = unsafe write(descriptor, &byte, 1)
        if progress == .accepting { close(descriptor) }
    }
}

/// The predecessor's end: a thread of its own waits for the bytes.
struct ProgressPipe: Sendable {
    /// For the successor; to be closed here once it runs.
    let writer: CInt
    /// What arrives; ends when nobody holds the other end any more.
    let reports: AsyncStream<RestartProgress>

    init() throws {
        var ends: (reader: CInt, writer: CInt) = (-1, -1)
        let code = unsafe berth_pipe(&ends.reader, &ends.writer, 4096)
        guard code == 0 else { throw IOError(errnoCode: abs(code), reason: "pipe") }
        writer = ends.writer
        let reader = ends.reader
        // Two bytes can come at most, and whoever is told twice of one does no harm.
        let (reports, found) = AsyncStream<RestartProgress>.makeStream(
            bufferingPolicy: .bufferingNewest(4)
        )
        self.reports = reports
        Thread.detachNewThread {
            var byte: UInt8 = 0
            while true {
                let count = unsafe read(reader, &byte, 1)
                if count < 0, errno == EINTR { continue }
                guard count == 1, let progress = RestartProgress(rawValue: byte) else { break }
                found.yield(progress)
            }
            close(reader)
            found.finish()
        }
    }
}
