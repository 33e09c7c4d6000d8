import Foundation
import Logging
import SharedMessages
import Testing

@testable import SharedLogging

@Suite("RecordHandler")
struct RecordHandlerTests {
    /// The lines that `body` makes a logger write at `level`.
    private func written(
        at level: MessageLevel,
        module: String = "",
        _ body: (inout Logger, LogWriter) async throws -> Void
    ) async throws -> [String] {
        try await withFolder { folder in
            let file = folder.appending(path: "log")
            let writer = try LogWriter(.file(file, level: level))
            var logger = logger(writer, module: module)
            try await body(&logger, writer)
            #expect(writer.flush(within: .seconds(90)))
            return try lines(file)
        }
    }

    private func codes(_ lines: [String]) -> [String] {
        lines.compactMap { $0.firstMatch(of: /"code":"(\w+)"/).map { String($0.1) } }
    }

    @Test(
        "a record is written if it is at least as severe as the configured level",
        arguments: MessageLevel.allCases
    )
    func levels(level: MessageLevel) async throws {
        let lines = try await written(at: level) { logger, _ in
            for severity in MessageLevel.allCases { logger.emit(.test, level: severity) }
        }
        let expected = MessageLevel.allCases.filter { $0 >= level }.count
        // crit, alert and emerg are one level in swift-log; a code without a higher one is crit.
        let lost = level > .crit ? expected : 0
        #expect(lines.count == expected - lost)
    }

    @Test("a code with the audit flag is written even at level emerg")
    func audit() async throws {
        let lines = try await written(at: .emerg) { logger, _ in
            logger.emit(.sshAuthFailed)
            logger.emit(.unknownError)
        }
        #expect(codes(lines) == ["SSH_AUTH_FAILED"])
    }

    @Test("labels of the logger, the module and the event come together; the event's win")
    func labels() async throws {
        let lines = try await written(at: .debug, module: "ssh") { logger, _ in
            logger[metadataKey: "username"] = "bob"
            logger[metadataKey: "x"] = "logger"
            logger.emit(.test, ["x": "event"])
        }
        #expect(lines.first?.hasSuffix(#"{"module":"ssh","username":"bob","x":"event"}}"#) == true)
    }

    @Test("a record of a library without a code gets the code LOG, and its error in brackets")
    func uncoded() async throws {
        struct Odd: Error, CustomStringConvertible { let description = "odd" }
        let lines = try await written(at: .debug) { logger, _ in
            logger.warning("something")
            logger.log(level: .error, "failed", error: Odd())
        }
        #expect(codes(lines) == ["LOG", "LOG"])
        #expect(
            lines.first?.contains(#""level":"warning","code":"LOG","message":"something""#) == true
        )
        #expect(lines.last?.contains(#""message":"failed (odd)""#) == true)
    }

    @Test("secrets do not reach the log")
    func secrets() async throws {
        let lines = try await written(at: .debug) { logger, _ in
            logger.emit(.test, ["password": "hunter2", "url": "http://me:hunter2@h/"])
            logger.error("to http://me:hunter2@h/")
        }
        #expect(lines.count == 2)
        #expect(!lines.joined().contains("hunter2"))
    }

    @Test("a reload changes the level of loggers that exist, but for those with their own")
    func reloadLevel() async throws {
        let lines = try await written(at: .error) { logger, writer in
            var own = logger
            own.logLevel = .error
            logger.emit(.serviceRunning)
            var settings = writer.settings
            settings.level = .debug
            try await writer.reload(settings)
            logger.emit(.serviceStopped)
            own.emit(.serviceStopping)
        }
        #expect(codes(lines) == ["SERVICE_STOPPED"])
    }

    @Test("a logger can log more than configured")
    func ownLevel() async throws {
        let lines = try await written(at: .error) { logger, _ in
            logger.logLevel = .debug
            logger.emit(.test)
        }
        #expect(codes(lines) == ["TEST"])
    }
}

@Suite("EmittedCodes")
struct EmittedCodesTests {
    @Test("each code is appended once, and other processes' lines stay")
    func onceEach() async throws {
        try await withFolder { folder in
            let file = folder.appending(path: "codes")
            try Data("SSH_EXIT\n".utf8).write(to: file)
            let codes = EmittedCodes(path: file.path)
            for code in [MessageCode.sshConnected, .sshExit, .sshConnected] { codes.record(code) }
            #expect(try lines(file) == ["SSH_EXIT", "SSH_CONNECTED", "SSH_EXIT"])
        }
    }

    @Test("a file that cannot be written does not disturb")
    func unwritable() {
        EmittedCodes(path: "/nonexistent/codes").record(.sshExit)
    }
}
