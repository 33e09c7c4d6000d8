import AuditEvidence
import Logging
import Metrics
import NIOCore
import SharedLogging
import SharedMessages
import Synchronization

/// Keeps the ledger's signed head in a storage, where an older state of auditd's own disk can't
/// take it back.
///
/// A head that is there already is replaced only if the ledger went on from it: what a
/// storage knows of a ledger that was since rolled back or begun anew stays as it is.
final class HeadExporter: Sendable {
    private struct Head {
        var sequence: UInt64
        var line: ByteBuffer
    }

    private static let firstPause = Duration.seconds(1)
    private static let longestPause = Duration.seconds(60)

    private let name: String
    private let storage: any RecordingStorage
    private let logger: Logger
    private let latest = Mutex<Head?>(nil)
    private let signals: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    private let entries: Gauge
    private let failures: Counter

    /// `ledger` is its first public key, as hexadecimal digits.
    init(_ ledger: String, to storage: any RecordingStorage, logger: Logger) {
        name = KeptHead.name(ofLedger: ledger)
        self.storage = storage
        self.logger = logger
        let labels = [("ledger", String(ledger.prefix(16))), ("storage", storage.name)]
        entries = Gauge(label: "berth_auditd_ledger_exported_entries", dimensions: labels)
        failures = Counter(
            label: "berth_auditd_ledger_export_failures_total",
            dimensions: labels
        )
        (signals, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// The ledger ends here now.
    func take(_ head: LedgerHead, _ line: ByteBuffer) {
        latest.withLock { $0 = Head(sequence: head.sequence, line: line) }
        continuation.yield()
    }

    /// Works until it is cancelled, or finds a head that `contains` says is not of the ledger.
    func run(_ contains: @Sendable ([UInt8]) async throws -> Bool) async {
        var isFollowed = false
        var pause = Self.firstPause
        var isFailing = false
        for await _ in signals {
            do {
                if !isFollowed {
                    guard try await follows(contains) else { return }
                    isFollowed = true
                }
                guard let head = latest.withLock({ $0 }) else { continue }
                try await storage.put(name, head.line)
                entries.record(Double(head.sequence + 1))
                (pause, isFailing) = (Self.firstPause, false)
            } catch is CancellationError {
                return
            } catch {
                failures.increment()
                if !isFailing {
                    logger.emit(CodedError(.auditdLedgerExportFailed, cause: error), labels)
                }
                isFailing = true
                pause = min(pause * 2, Self.longestPause)
                continuation.yield()
            }
            // What comes meanwhile is exported together.
            guard (try? await Task.sleep(for: pause)) != nil else { return }  // cancelled
        }
    }

    private func follows(_ contains: ([UInt8]) async throws -> Bool) async throws -> Bool {
        guard var line = try await storage.get(name).map({ Array($0.readableBytesView) }) else {
            return true
        }
        if line.last == 0x0A { line.removeLast() }
        guard try await !contains(line) else { return true }
        let known = LedgerCheck.claimedHead(line).map { "entry \($0.sequence)" } ?? "no head"
        logger.emit(
            CodedError(.auditdLedgerRolledBack, detail: "\(name) in \(storage.name) has \(known)"),
            labels
        )
        return false
    }

    private var labels: Logger.Metadata { ["storage": "\(storage.name)"] }
}
