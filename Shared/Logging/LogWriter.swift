import Dispatch
import Glibc
import Logging
package import SharedMessages
import Synchronization

/// Writes the records of a process, in their order, on a thread of its own.
///
/// Callers never wait for the destination: records go into a queue of at most `capacity` bytes.
/// What does not fit is dropped and counted, and so is what cannot be written; the log itself
/// says how many were lost as soon as it can. The first failing write is told on standard error.
package final class LogWriter: Sendable {
    private struct Queue {
        var settings: LogSettings
        var lines: [[UInt8]] = []
        var bytes = 0
        var isDraining = false
        /// Records that did not fit, since the log last said so.
        var overflowed = 0
    }

    /// What only `thread` touches; the lock is never contended.
    fileprivate struct Writing: ~Copyable {
        var output: LogOutput
        var destination: LogDestination
        var lastReconnect: ContinuousClock.Instant?
        /// Records that could not be written, since the log last said so.
        var failed = 0
    }

    private let queue: Mutex<Queue>
    private let writing: Mutex<Writing>
    private let hasComplained = Atomic(false)
    private let lost = Atomic(0)
    /// The raw value of the configured level; asked for every event, so not behind the lock.
    private let levelNumber: Atomic<Int>
    private let thread = DispatchQueue(label: "log")
    private let capacity: Int

    /// Opens the destination; throws `LOG_FILE_OPEN_FAILED` if that does not work.
    ///
    /// `capacity` bounds the bytes that wait, at least 1.
    package init(_ settings: LogSettings, capacity: Int = 4 << 20) throws(CodedError) {
        tzset()
        let output = try LogOutput(settings.destination)
        self.capacity = capacity
        levelNumber = Atomic(settings.level.rawValue)
        queue = Mutex(Queue(settings: settings))
        writing = Mutex(Writing(output: output, destination: settings.destination))
    }

    /// What is configured now.
    package var settings: LogSettings { queue.withLock { $0.settings } }

    /// The configured level.
    var level: MessageLevel {
        MessageLevel(rawValue: levelNumber.load(ordering: .relaxed)) ?? .notice
    }

    /// How many records were lost since the start, for whatever reason.
    package var lostRecords: Int { lost.load(ordering: .relaxed) }

    /// Puts a record into the queue; returns at once.
    func write(_ record: LogRecord) {
        let line = settings.render(record)
        let mustDrain = queue.withLock { queue in
            guard queue.bytes + line.count <= capacity else {
                queue.overflowed += 1
                lost.add(1, ordering: .relaxed)
                return false
            }
            queue.lines.append(line)
            queue.bytes += line.count
            defer { queue.isDraining = true }
            return !queue.isDraining
        }
        if mustDrain { thread.async { self.drain() } }
    }

    /// Takes over new settings and opens the destination anew, also when it stayed the same (log
    /// rotation). Records queued before go to the old one. Throws `LOG_ROTATE_FAILED` and changes
    /// nothing if the new destination cannot be opened.
    package func reload(_ settings: LogSettings) async throws {
        try await withCheckedThrowingContinuation { continuation in
            thread.async {
                self.drain()
                continuation.resume(with: Result { try self.reopen(settings) })
            }
        }
    }

    /// Waits until everything queued so far is written, at most `limit`; says whether it is.
    @discardableResult
    package func flush(within limit: Duration = .seconds(2)) -> Bool {
        let done = DispatchSemaphore(value: 0)
        thread.async {
            self.drain()
            done.signal()
        }
        let (seconds, attoseconds) = limit.components
        let patience = DispatchTimeInterval.milliseconds(
            Int(clamping: seconds) &* 1000 + Int(attoseconds / 1_000_000_000_000_000)
        )
        return done.wait(timeout: .now() + patience) == .success
    }

    // MARK: - On the thread

    private func reopen(_ settings: LogSettings) throws {
        do throws(CodedError) {
            let output = try LogOutput(settings.destination)
            swap(in: output, settings)
        } catch {
            throw CodedError(.logRotateFailed, cause: error)
        }
    }

    private func swap(in output: consuming LogOutput, _ settings: LogSettings) {
        var output = Optional(output)
        writing.withLock { writing in
            guard let opened = output.take() else { return }
            writing.output = opened
            writing.destination = settings.destination
            writing.lastReconnect = nil
        }
        queue.withLock { $0.settings = settings }
        levelNumber.store(settings.level.rawValue, ordering: .relaxed)
        hasComplained.store(false, ordering: .relaxed)
    }

    private func drain() {
        while let lines = nextLines() {
            for line in lines { put(line) }
        }
    }

    /// Everything that waits, with a record of what overflowed; `nil` when nothing does.
    private func nextLines() -> [[UInt8]]? {
        queue.withLock { queue in
            guard !queue.lines.isEmpty else {
                queue.isDraining = false
                return nil
            }
            var lines = queue.lines
            if queue.overflowed > 0 {
                lines.append(queue.settings.render(.dropped(.logQueueFull, queue.overflowed)))
            }
            queue.lines = []
            queue.bytes = 0
            queue.overflowed = 0
            return lines
        }
    }

    private func put(_ line: [UInt8]) {
        let problem = writing.withLock { writing in
            guard let problem = writing.write(line) else {
                writing.reportFailures(settings)
                return Int32?.none
            }
            writing.failed += 1
            return problem
        }
        guard let problem else { return }
        lost.add(1, ordering: .relaxed)
        complain(problem)
    }

    /// Tells on standard error, once until the next reload, that the log is not written.
    private func complain(_ problem: Int32) {
        guard !hasComplained.exchange(true, ordering: .relaxed) else { return }
        EmittedCodes.current?.record(.logWriteFailed)
        let code = MessageCode.logWriteFailed
        let text = "\(code.id): \(code.explanation) (\(systemText(problem)))\n"
        _ = LogOutput(borrowing: STDERR_FILENO).write(Array(text.utf8))
    }
}

extension LogWriter.Writing {
    /// Writes the line; a syslog daemon that restarted is connected to again, at most once a
    /// second.
    mutating func write(_ line: [UInt8]) -> Int32? {
        guard let problem = output.write(line) else { return nil }
        let now = ContinuousClock.now
        guard case .syslog = destination, lastReconnect.map({ now - $0 > .seconds(1) }) ?? true
        else { return problem }
        lastReconnect = now
        do throws(CodedError) {
            output = try LogOutput(destination)
            return output.write(line)
        } catch {
            return problem
        }
    }

    /// After failures, says how many records were lost once a write works again.
    mutating func reportFailures(_ settings: LogSettings) {
        guard failed > 0 else { return }
        if output.write(settings.render(.dropped(.logWriteFailed, failed))) == nil { failed = 0 }
    }
}

extension LogRecord {
    /// The log's own record about `count` lost ones.
    fileprivate static func dropped(_ code: MessageCode, _ count: Int) -> LogRecord {
        EmittedCodes.current?.record(code)
        return LogRecord(
            time: LogTime.now(),
            level: code.level,
            code: code.id,
            message: code.explanation,
            labels: ["dropped": .stringConvertible(count)]
        )
    }
}
