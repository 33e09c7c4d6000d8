import InMemoryLogging
import Logging
import SharedMessages
import Testing

@testable import SharedLogging

@Suite("Logger.emit")
struct EmitTests {
    private let memory = InMemoryLogHandler()

    private func logger(at level: Logger.Level = .trace) -> Logger {
        var logger = Logger(label: "test") { _ in memory }
        logger.logLevel = level
        return logger
    }

    @Test("a code is logged with its level, its text and its labels")
    func plainCode() throws {
        logger().emit(.logQueueFull, ["dropped": "3"])
        let entry = try #require(memory.entries.first)
        #expect(entry.level == .warning)
        #expect(entry.message.description == MessageCode.logQueueFull.explanation)
        #expect(entry.metadata == ["code": "LOG_QUEUE_FULL", "dropped": "3"])
    }

    @Test("a code below the logger's level is not logged")
    func belowLevel() {
        logger(at: .error).emit(.logQueueFull)
        #expect(memory.entries.isEmpty)
    }

    @Test("an audit code is logged whatever the level")
    func auditPasses() {
        let code = MessageCode(
            "TEST_AUDIT",
            .debug,
            isAudit: true,
            explanation: "x",
            remedy: "y"
        )
        logger(at: .critical).emit(code)
        #expect(memory.entries.map(\.metadata) == [["code": "TEST_AUDIT"]])
    }

    @Test("an error's text names detail and causes, its reason the code of the cause")
    func nestedErrors() throws {
        let inner = CodedError(.logFileOpenFailed, detail: "no such directory")
        logger().emit(CodedError(.logRotateFailed, cause: inner), ["file": "/x"])
        let entry = try #require(memory.entries.first)
        #expect(
            entry.message.description
                == "\(MessageCode.logRotateFailed.explanation) "
                + "(\(MessageCode.logFileOpenFailed.explanation) (no such directory))"
        )
        #expect(entry.metadata["reason"] == "LOG_FILE_OPEN_FAILED")
        #expect(entry.metadata["file"] == "/x")
    }

    @Test("an error without a code is logged as UNKNOWN_ERROR with its text")
    func uncodedError() throws {
        struct Odd: Error, CustomStringConvertible { let description = "very odd" }
        logger().emit(Odd())
        let entry = try #require(memory.entries.first)
        #expect(entry.metadata["code"] == "UNKNOWN_ERROR")
        #expect(entry.message.description.hasSuffix("(very odd)"))
    }
}
