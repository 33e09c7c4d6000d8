import AuditClient
import AuditEvidence
import Foundation
import NIOCore
import SharedAudit
import SharedHTTP

@testable import AuditdCore

/// One run: load on a real auditd, accidents, and at the end the question what is left.
struct CrashRun {
    let plan: CrashPlan
    let s3: StrictS3
    let folder: String
    private var random: SeededGenerator

    struct Report: Sendable {
        var problems: [String] = []
        var acknowledged = 0
        var kills = 0
        var torn = 0
        var fullDisks = 0
        var deadGateways = 0
        var storeFaults = 0
        /// Times that auditd ended by itself.
        var revivals = 0
    }

    private var report = Report()
    private var isDiskFull = false

    init(_ plan: CrashPlan, _ s3: StrictS3, in folder: String) {
        (self.plan, self.s3, self.folder) = (plan, s3, folder)
        random = SeededGenerator(state: plan.seed ^ 0x5EED)
    }

    private var recordings: String { folder + "/recordings" }
    private var spool: String { recordings + "/spool.d" }
    private var socket: String { folder + "/s" }

    private func start(lease: String = "300s") throws -> Daemon {
        try Daemon(
            folder: folder,
            socket: socket,
            // Of a small disk an eighth of that is what auditd itself has.
            minimumFree: plan.isDiskSmall ? 1_600_000 : 0,
            more: """
                  storages: [file, s3]
                  lease: \(lease)
                audit:
                  s3:
                    local: \(folder)/left
                    accessKey: test-access
                    secretKey: "test-secret/+="
                    bucket: \(StrictS3.bucket)
                    region: eu-test-1
                    endpoint: \(s3.url)
                    pathStyleAccess: true
                    parallelUploads: 4
                    timeout: 5s
                """
        )
    }

    /// Does all of it. Throws only what the test itself could not do.
    mutating func run() async throws -> Report {
        try Folder.create(recordings)
        let disk = plan.isDiskSmall ? try SmallDisk(recordings, bytes: 3 << 20) : nil
        defer { disk?.unmount() }
        try await breakStore()
        let client = try HTTPClient(
            HTTPClientOptions(url: "unix://" + socket, timeout: .seconds(20)),
            logger: silent
        )
        defer { client.shutdown() }
        var gateway = try CrashGateway(plan, client: client)
        var daemon = try start()
        defer { daemon.kill() }
        try await load(&gateway, &daemon, disk)
        try await s3.control(["faults": [String](), "away": false])
        disk?.grow(to: 256 << 20)
        if plan.gatewayDies == nil {
            try await complete(&gateway, &daemon)
        } else {
            // Nobody will come back.
            daemon.kill()
            report.kills += 1
            daemon = try start(lease: "1s")
        }
        report.problems += gateway.problems
        report.acknowledged = gateway.acknowledged
        try await check(gateway)
        daemon.kill()
        try await verifyLedger()
        return report
    }

    private mutating func breakStore() async throws {
        switch plan.store {
        case .healthy: return
        case .stopped: try await s3.control(["away": true])
        default: try await s3.fail("any", plan.store.rawValue, times: plan.storeFaults)
        }
        report.storeFaults += 1
    }

    // MARK: - Load

    private mutating func load(
        _ gateway: inout CrashGateway,
        _ daemon: inout Daemon,
        _ disk: SmallDisk?
    ) async throws {
        var accidents = plan.accidents[...]
        var refusals = 0
        let deadline = ContinuousClock.now + .seconds(120)
        while !gateway.isDone || !accidents.isEmpty {
            guard ContinuousClock.now < deadline else {
                report.problems.append("the load does not get on")
                return
            }
            let share = Double(gateway.acknowledged) / Double(gateway.total)
            if let end = plan.gatewayDies, share >= end, accidents.isEmpty {
                report.deadGateways += 1
                return
            }
            if let next = accidents.first, share >= next.share || gateway.isDone {
                accidents.removeFirst()
                try await accident(next, &gateway, &daemon)
            } else {
                switch await gateway.send() {
                case .taken: refusals = 0
                case .nothing:
                    try await turn()
                    try revive(&daemon)
                case .refused:
                    try await turn(.milliseconds(20))
                    refusals += 1
                    guard let disk, refusals == 10 else { continue }
                    // As whoever runs it would.
                    disk.grow(to: 256 << 20)
                    report.fullDisks += 1
                }
            }
        }
    }

    /// As a supervisor does; without room for what it needs auditd can't start.
    private mutating func revive(_ daemon: inout Daemon) throws {
        guard !daemon.isRunning else { return }
        report.revivals += 1
        daemon = try start()
    }

    private mutating func accident(
        _ accident: CrashPlan.Accident,
        _ gateway: inout CrashGateway,
        _ daemon: inout Daemon
    ) async throws {
        daemon.kill(after: accident.delay)
        _ = await gateway.send()
        daemon.kill()
        report.kills += 1
        if accident.tears { try tear() }
        daemon = try start()
        guard accident.isDouble else { return }
        try await turn(.milliseconds(Int.random(in: 0...150, using: &random)))
        daemon.kill()
        report.kills += 1
        if accident.tears { try tear() }
        daemon = try start()
    }

    private mutating func tear() throws {
        guard Folder.exists(spool) else { return }
        do { try PowerCut(folder: spool).strike(&random) } catch let error as FileError
            where error.isFull
        {
            return
        }
        report.torn += 1
    }

    /// Brings everything to its end.
    private mutating func complete(
        _ gateway: inout CrashGateway,
        _ daemon: inout Daemon
    ) async throws {
        let deadline = ContinuousClock.now + .seconds(120)
        while !gateway.isDone, gateway.problems.isEmpty {
            guard ContinuousClock.now < deadline else {
                report.problems.append("the recordings can't be finished")
                return
            }
            guard await gateway.send() != .taken else { continue }
            try await turn()
            try revive(&daemon)
        }
    }

    // MARK: - What is left

    private mutating func check(_ gateway: CrashGateway) async throws {
        let deadline = ContinuousClock.now + .seconds(120)
        while try Folder.names(in: spool).contains(where: isUnstored) {
            guard ContinuousClock.now < deadline else {
                report.problems.append("the spool does not let go of everything")
                return
            }
            try await turn(.milliseconds(20))
        }
        for session in gateway.sessions { try await check(session) }
    }

    private func isUnstored(_ name: String) -> Bool {
        name.hasSuffix(".part") || name.hasSuffix(".new")
    }

    private mutating func check(_ session: CrashGateway.Session) async throws {
        let path = "\(recordings)/\(session.id)"
        let file = (try? Data(contentsOf: URL(filePath: path))).map { [UInt8]($0) } ?? []
        let object = try await s3.object("\(session.id)")?.body ?? []
        for (place, bytes) in [("file", file), ("object", object)] {
            guard bytes.count >= session.acknowledged else {
                let missing = session.acknowledged - bytes.count
                report.problems.append("\(place) \(session.id): \(missing) bytes lost")
                continue
            }
            let isSame =
                session.isFinished
                ? bytes == session.bytes : session.bytes.starts(with: bytes)
            if !isSame { report.problems.append("\(place) \(session.id): other bytes") }
            if !isReadable(bytes) { report.problems.append("\(place) \(session.id): unreadable") }
        }
    }

    /// Whether it decodes up to where it ends.
    private func isReadable(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > 100 else { return true }
        var decoder = RecordingDecoder()
        _ = decoder.feed(ByteBuffer(bytes: bytes))
        _ = decoder.end()
        return decoder.fault == nil || decoder.fault == .truncated
    }

    private mutating func verifyLedger() async throws {
        let log = try Data(contentsOf: URL(filePath: recordings + "/ledger.d/ledger.log"))
        guard let line = log.split(separator: 0x0A).first,
            let key = LedgerEntry.key(inFirst: Array(line))
        else {
            report.problems.append("there is no ledger")
            return
        }
        for head in [nil, try await exportedHead()] as [String?] {
            let source = EvidenceFolder(recordings, head: head)
            var verifier = EvidenceVerifier(source, key: key)
            try await verifier.run()
            report.problems += verifier.findings.map {
                "\($0.code) \($0.subject): \($0.detail)"
            }
        }
    }

    /// The head that the bucket has, as a file.
    private func exportedHead() async throws -> String? {
        let names = try await s3.log("put").map(\.key).filter { $0.hasSuffix(".head") }
        for name in Set(names) {
            guard let object = try await s3.object(name) else { continue }
            let path = folder + "/exported.head"
            try Data(object.body).write(to: URL(filePath: path))
            return path
        }
        return nil
    }
}
