/// Where authd counts for several gateways, and where penalties are managed.
package enum LimitsRoutes {
    package static let admit = "/v1/limits/admit"
    package static let release = "/v1/limits/release"
    package static let report = "/v1/limits/report"
    package static let penalties = "/v1/penalties"

    /// Longest request that is accepted: a report of a gateway with all that it has in use.
    package static let longestRequest = 16 << 20
    /// Longest reply: 1000 penalties are 100 KiB.
    package static let longestReply = 1 << 20

    /// The path of one source; a network's slash is escaped as `_`.
    package static func penalty(of source: String) -> String {
        "\(penalties)/\(source.replacing("/", with: "_"))"
    }

    /// What `penalty(of:)` was made of.
    package static func source(ofPath path: String) -> String { path.replacing("_", with: "/") }
}

/// Asks whether something may be used.
package struct AdmitRequest: Codable, Sendable, Hashable {
    /// The same for all requests of one run of a gateway.
    package var gateway: String
    package var use: Use
    package var limits: UseLimits

    package init(gateway: String, use: Use, limits: UseLimits) {
        self.gateway = gateway
        self.use = use
        self.limits = limits
    }
}

package struct AdmitReply: Codable, Sendable, Hashable {
    /// Missing if it may be used, which is then counted.
    package var refusal: UseRefusal?

    package init(refusal: UseRefusal?) { self.refusal = refusal }
}

/// Says that something is in use no more.
package struct ReleaseRequest: Codable, Sendable, Hashable {
    package var gateway: String
    /// Identifiers of uses; those that are not known are passed over.
    package var uses: [String]

    package init(gateway: String, uses: [String]) {
        self.gateway = gateway
        self.uses = uses
    }
}

/// What a gateway says every second; it keeps what the gateway has counted alive.
package struct LimitsReport: Codable, Sendable, Hashable {
    package var gateway: String
    /// The `epoch` of the latest reply; empty before the first.
    package var epoch: String
    /// The `revision` of the latest reply.
    package var since: UInt64
    /// Failures since the last report that was answered; at most 1000.
    package var offences: [Offence]
    /// Sources that an operator has forgiven at the gateway; `*` for all.
    package var cleared: [String]
    /// Everything that the gateway has in use, after authd has asked for it.
    package var uses: [Use]?

    package init(
        gateway: String,
        epoch: String = "",
        since: UInt64 = 0,
        offences: [Offence] = [],
        cleared: [String] = [],
        uses: [Use]? = nil
    ) {
        self.gateway = gateway
        self.epoch = epoch
        self.since = since
        self.offences = offences
        self.cleared = cleared
        self.uses = uses
    }
}

package struct LimitsReportReply: Codable, Sendable, Hashable {
    /// Another one after each start of authd.
    package var epoch: String
    package var revision: UInt64
    /// Penalties that changed since then and refuse their source; at most 1000.
    package var penalties: [PenaltyRecord]
    /// Sources that were forgiven since then; `*` for all. Before the penalties, in time.
    package var cleared: [String]
    /// Whether the next report has to hold everything in use: authd knows nothing of it.
    package var wantsUses: Bool

    package init(
        epoch: String,
        revision: UInt64,
        penalties: [PenaltyRecord],
        cleared: [String],
        wantsUses: Bool
    ) {
        self.epoch = epoch
        self.revision = revision
        self.penalties = penalties
        self.cleared = cleared
        self.wantsUses = wantsUses
    }
}
