extension MessageCode {
    package static let geoIPLoaded = MessageCode(
        "GEOIP_LOADED",
        .info,
        explanation: "The database of countries is open, for the first time or anew.",
        remedy: "Nothing to do."
    )

    package static let geoIPUnusable = MessageCode(
        "GEOIP_UNUSABLE",
        .error,
        explanation: "The database of countries cannot be used. At the start metricsd ends; later "
            + "it keeps the one it had.",
        remedy: "Check geoip.maxmind-geoip2-file: a MaxMind database that metricsd may read, put "
            + "in place by renaming and not written over."
    )

    package static let geoIPLookupFailed = MessageCode(
        "GEOIP_LOOKUP_FAILED",
        .warning,
        explanation: "The gateway could not learn which country a client is in, and counts and "
            + "records it as XX. Said once a minute at most.",
        remedy: "Check that metricsd runs, that metrics.push.url leads to it, and that its "
            + "geoip section names a database."
    )

    static let geoIPCodes: [MessageCode] = [geoIPLoaded, geoIPUnusable, geoIPLookupFailed]
}
