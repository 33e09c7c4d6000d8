import Foundation

/// What is to happen in one run, chosen by its seed.
struct CrashPlan: Sendable, CustomStringConvertible {
    enum Store: String, CaseIterable, Sendable {
        case healthy
        /// Every connection is broken off.
        case stopped
        case slow
        case error500 = "500"
        case error503 = "503"
        case error403 = "403"
        /// Connections end in the middle of what is sent.
        case cut
        /// Calls are carried out, and the answers lost.
        case loseReply = "lose-reply"
        /// Calls are carried out twice.
        case twice
    }

    struct Accident: Sendable {
        /// Acknowledged bytes, as a share of all, before which it happens.
        var share: Double
        /// From sending a batch to killing auditd.
        var delay: Duration
        /// What was written and not synced is damaged, as by a power cut.
        var tears: Bool
        /// It is killed again while it takes up what is there.
        var isDouble: Bool
    }

    let seed: UInt64
    /// Bytes of the recordings.
    let sizes: [Int]
    let accidents: [Accident]
    let store: Store
    /// How many calls fail.
    let storeFaults: Int
    /// The gateway is killed when it has sent so much of what it has; `nil`: never.
    let gatewayDies: Double?
    /// The spool's disk is too small for a while.
    let isDiskSmall: Bool

    init(seed: UInt64, allowsSmallDisk: Bool, tears: Bool) {
        self.seed = seed
        var random = SeededGenerator(state: seed)
        var sizes = (0..<Int.random(in: 2...5, using: &random)).map { _ in
            Int.random(in: 1...60_000, using: &random)
        }
        let isSmall = Int.random(in: 0..<8, using: &random) == 0 && allowsSmallDisk
        if isSmall {
            sizes += (0..<6).map { _ in Int.random(in: 400_000...600_000, using: &random) }
        } else if Int.random(in: 0..<6, using: &random) == 0 {
            sizes.append(Int.random(in: 5_300_000...11_000_000, using: &random))
        } else if Int.random(in: 0..<3, using: &random) == 0 {
            // Their bytes come in pieces that are written once.
            sizes.append(Int.random(in: 300_000...2_000_000, using: &random))
        }
        self.sizes = sizes
        isDiskSmall = isSmall
        accidents = (0..<Int.random(in: 1...3, using: &random)).map { _ in
            Accident(
                share: Double.random(in: 0...1, using: &random),
                delay: .microseconds(Int.random(in: 0...12_000, using: &random)),
                tears: Bool.random(using: &random) && tears,
                isDouble: Int.random(in: 0..<5, using: &random) == 0
            )
        }.sorted { $0.share < $1.share }
        store =
            Bool.random(using: &random)
            ? .healthy : Store.allCases.randomElement(using: &random) ?? .healthy
        storeFaults = Int.random(in: 1...6, using: &random)
        gatewayDies =
            Int.random(in: 0..<6, using: &random) == 0
            ? Double.random(in: 0.1...0.9, using: &random) : nil
    }

    var description: String {
        "seed \(seed): \(sizes.count) recordings, \(accidents.count) kills, "
            + "\(accidents.count(where: \.tears)) torn, store \(store.rawValue)"
            + (isDiskSmall ? ", full disk" : "") + (gatewayDies == nil ? "" : ", gateway dies")
    }
}
