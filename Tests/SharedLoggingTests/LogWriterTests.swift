import Foundation
import Glibc
import Logging
import SharedConfig
import SharedMessages
import Testing

@testable import SharedLogging

@Suite("LogWriter with files")
struct LogWriterTests {
    @Test("records arrive in the file in their order, one a line")
    func order() async throws {
        try await withFolder { folder in
            let file = folder.appending(path: "log")
            let writer = try LogWriter(.file(file, format: .text))
            for number in 0..<1000 { writer.write(record("\(number)")) }
            #expect(writer.flush(within: .seconds(90)))
            #expect(
                try lines(file).map { $0.split(separator: "\t").last.map(String.init) }
                    == (0..<1000).map(String.init)
            )
        }
    }

    @Test("a file is created with mode 0644 and appended to")
    func append() async throws {
        try await withFolder { folder in
            let file = folder.appending(path: "log")
            for message in ["one", "two"] {
                let writer = try LogWriter(.file(file, format: .text))
                writer.write(record(message))
                #expect(writer.flush(within: .seconds(90)))
            }
            #expect(try lines(file).map { $0.suffix(3) } == ["one", "two"])
            let mode = try FileManager.default.attributesOfItem(atPath: file.path)[
                .posixPermissions
            ]
            #expect((mode as? Int).map { $0 & 0o600 } == 0o600)
        }
    }

    @Test("a file that cannot be opened is refused with LOG_FILE_OPEN_FAILED")
    func missingFolder() throws {
        let error = #expect(throws: CodedError.self) {
            _ = try LogWriter(.file(URL(filePath: "/nonexistent/berth/log")))
        }
        #expect(error?.code == .logFileOpenFailed)
        #expect(error?.detail == "/nonexistent/berth/log: No such file or directory")
    }

    @Test("after a reload, records go to the new file of the same name")
    func rotation() async throws {
        try await withFolder { folder in
            let file = folder.appending(path: "log")
            let moved = folder.appending(path: "log.1")
            let writer = try LogWriter(.file(file, format: .text))
            writer.write(record("before"))
            #expect(writer.flush(within: .seconds(90)))
            try FileManager.default.moveItem(at: file, to: moved)
            writer.write(record("between"))
            try await writer.reload(writer.settings)
            writer.write(record("after"))
            #expect(writer.flush(within: .seconds(90)))
            #expect(try lines(moved).map { $0.suffix(7) } == ["\tbefore", "between"])
            #expect(try lines(file).map { $0.suffix(6) } == ["\tafter"])
        }
    }

    @Test("a reload that cannot open its file changes nothing")
    func brokenReload() async throws {
        try await withFolder { folder in
            let file = folder.appending(path: "log")
            let writer = try LogWriter(.file(file, level: .info))
            let error = await #expect(throws: CodedError.self) {
                try await writer.reload(.file(folder.appending(path: "no/log"), level: .debug))
            }
            #expect(error?.code == .logRotateFailed)
            #expect((error?.cause as? CodedError)?.code == .logFileOpenFailed)
            #expect(writer.settings.level == .info)
            writer.write(record("still here"))
            #expect(writer.flush(within: .seconds(90)))
            #expect(try lines(file).count == 1)
        }
    }

    @Test("a full disk loses records with a count, and the process goes on")
    func fullDisk() async throws {
        try await withFolder { folder in
            let file = folder.appending(path: "log")
            let writer = try LogWriter(LogSettings(level: .debug, destination: .file("/dev/full")))
            for _ in 0..<5 { writer.write(record()) }
            #expect(writer.flush(within: .seconds(90)))
            #expect(writer.lostRecords == 5)
            try await writer.reload(.file(file))
            writer.write(record())
            #expect(writer.flush(within: .seconds(90)))
            let written = try lines(file)
            #expect(written.count == 2)
            #expect(written.last?.contains(#""code":"LOG_WRITE_FAILED""#) == true)
            #expect(written.last?.contains(#""details":{"dropped":5}"#) == true)
        }
    }

    @Test("records that do not fit into the queue are dropped, counted and reported")
    func fullQueue() async throws {
        try await withFolder { folder in
            let pipe = folder.appending(path: "pipe")
            let status = unsafe mkfifo(pipe.path, 0o600)
            try #require(status == 0)
            let reader = unsafe open(pipe.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
            try #require(reader >= 0)
            let writer = try LogWriter(.file(pipe), capacity: 1000)
            // More than a pipe holds (64 KiB): the writing thread stands still, the queue fills.
            let long = String(repeating: "x", count: 70_000)
            writer.write(record(String(long.prefix(400))))
            var written = 1
            while writer.lostRecords == 0, written < 10_000 {
                writer.write(record(String(long.prefix(400))))
                written += 1
            }
            #expect(writer.lostRecords > 0)
            let everything = try readAll(reader, until: { $0.contains("LOG_QUEUE_FULL") })
            #expect(everything.contains(#""details":{"dropped":"#))
            close(reader)
        }
    }

    /// Reads from a pipe until `isEnough`, at most 20 s.
    private func readAll(_ pipe: Int32, until isEnough: (String) -> Bool) throws -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let end = ContinuousClock.now + .seconds(90)
        while !isEnough(String(decoding: bytes, as: UTF8.self)), ContinuousClock.now < end {
            var question = pollfd(fd: pipe, events: Int16(POLLIN), revents: 0)
            _ = unsafe poll(&question, 1, 100)
            let count = unsafe read(pipe, &buffer, buffer.count)
            if count > 0 { bytes += buffer.prefix(count) }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
