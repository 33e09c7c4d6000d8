// swift-tools-version: 6.2
import PackageDescription

/// One list of settings for every Swift target of this package.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

// MARK: - Dependencies by product

let argumentParser: Target.Dependency = .product(
    name: "ArgumentParser",
    package: "swift-argument-parser"
)
let asn1: Target.Dependency = .product(name: "SwiftASN1", package: "swift-asn1")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let cryptoExtras: Target.Dependency = .product(name: "CryptoExtras", package: "swift-crypto")
let deque: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdTLS: Target.Dependency = .product(name: "HummingbirdTLS", package: "hummingbird")
let hummingbirdTesting: Target.Dependency = .product(
    name: "HummingbirdTesting",
    package: "hummingbird"
)
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let inMemoryLogging: Target.Dependency = .product(name: "InMemoryLogging", package: "swift-log")
let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let coreMetrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let metricsTestKit: Target.Dependency = .product(name: "MetricsTestKit", package: "swift-metrics")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioWebSocket: Target.Dependency = .product(name: "NIOWebSocket", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let jwt: Target.Dependency = .product(name: "JWTKit", package: "jwt-kit")
let lifecycle: Target.Dependency = .product(
    name: "ServiceLifecycle",
    package: "swift-service-lifecycle"
)
let lifecycleTestKit: Target.Dependency = .product(
    name: "ServiceLifecycleTestKit",
    package: "swift-service-lifecycle"
)
let unixSignals: Target.Dependency = .product(
    name: "UnixSignals",
    package: "swift-service-lifecycle"
)
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")

// MARK: - Target shapes

/// A library whose folder is `path` and whose name can be read off it.
func library(
    _ name: String,
    _ path: String,
    _ dependencies: [Target.Dependency] = [],
    resources: [Resource]? = nil
) -> Target {
    .target(
        name: name,
        dependencies: dependencies,
        path: path,
        resources: resources,
        swiftSettings: strict
    )
}

/// A C target with an `include` folder; holds what function-like macros or forking need.
func cLibrary(_ name: String, _ path: String, linking: [String] = []) -> Target {
    .target(name: name, path: path, linkerSettings: linking.map { .linkedLibrary($0) })
}

func executable(
    _ name: String,
    _ path: String,
    _ dependencies: [Target.Dependency],
    exclude: [String] = []
) -> Target {
    .executableTarget(
        name: name,
        dependencies: dependencies,
        path: path,
        exclude: exclude,
        swiftSettings: strict
    )
}

func tests(
    _ target: String,
    _ dependencies: [Target.Dependency] = [],
    exclude: [String] = [],
    resources: [Resource]? = nil
) -> Target {
    .testTarget(
        name: "\(target)Tests",
        dependencies: [.target(name: target)] + dependencies,
        path: "Tests/\(target)Tests",
        exclude: exclude,
        resources: resources,
        swiftSettings: strict
    )
}

// MARK: - Targets

let systemLibraries: [Target] = [
    .systemLibrary(name: "CCurl", path: "Shared/CCurl", pkgConfig: "libcurl"),
    .systemLibrary(name: "CMalloc", path: "Shared/CMalloc"),
    .systemLibrary(name: "COpenSSL", path: "Shared/COpenSSL", pkgConfig: "libcrypto"),
    .systemLibrary(name: "CCrypt", path: "Shared/CCrypt", pkgConfig: "libcrypt"),
    .systemLibrary(name: "CQREncode", path: "Shared/CQREncode", pkgConfig: "libqrencode"),
    .systemLibrary(name: "CZlib", path: "Shared/CZlib", pkgConfig: "zlib"),
    .systemLibrary(name: "CIsal", path: "Shared/CIsal", pkgConfig: "libisal"),
    .systemLibrary(name: "CMaxMind", path: "Shared/CMaxMind", pkgConfig: "libmaxminddb"),
    .systemLibrary(name: "CSeccomp", path: "Shared/CSeccomp", pkgConfig: "libseccomp"),
    .systemLibrary(name: "CArchive", path: "Shared/CArchive", pkgConfig: "libarchive"),
    cLibrary("CDirectory", "Services/authd/CDirectory", linking: ["ldap", "lber"]),
    cLibrary("CFiles", "Shared/CFiles"),
    cLibrary("CKerberos", "Services/authd/CKerberos", linking: ["gssapi_krb5", "krb5"]),
    cLibrary("CProcess", "Shared/CProcess"),
    // The archive, not the shared library: what the hook calls is no public symbol of the latter.
    .target(
        name: "Clibssh",
        path: "Shared/Clibssh",
        linkerSettings: [
            .unsafeFlags([
                "-Xlinker", "--wrap=_ssh_buffer_pack", "-Xlinker", "--wrap=ssh_socket_write",
            ]),
            .linkedLibrary(":libssh.a"), .linkedLibrary("crypto"), .linkedLibrary("z"),
            .linkedLibrary(":libgssapi_krb5.so.2"),
        ]
    ),
]

let shared: [Target] = [
    library("SharedJUnit", "Shared/JUnit"),
    library("SharedModels", "Shared/Models"),
    library("SharedWaiting", "Shared/Waiting", [deque, nioCore]),
    library("SharedMessages", "Shared/Messages"),
    library("SharedQRCode", "Shared/QRCode", ["CQREncode"]),
    library("SharedSystem", "Shared/System", ["CProcess"]),
    library(
        "SharedImages",
        "Shared/Images",
        ["SharedMessages", "SharedSystem", "CArchive", "CFiles", crypto]
    ),
    library("SharedAge", "Shared/Age", [crypto, nioCore]),
    library("SharedConfig", "Shared/Config", ["SharedMessages", "SharedAge", yams]),
    library("SharedLogging", "Shared/Logging", ["SharedMessages", "SharedConfig", log]),
    library("SharedTracing", "Shared/Tracing", ["SharedMessages"]),
    library(
        "SharedTraceExport",
        "Shared/TraceExport",
        [
            "SharedConfig", "SharedHTTP", "SharedLogging", "SharedMessages", "SharedTracing", deque,
            coreMetrics, lifecycle, log, metrics,
        ]
    ),
    library(
        "SharedHTTP",
        "Shared/HTTP",
        [
            "SharedMessages", "SharedConfig", "SharedLogging", "SharedModels", "SharedTracing",
            "CCurl", deque, log,
            hummingbird, hummingbirdCore, hummingbirdTLS, httpTypes, nioCore, nioPosix, nioSSL,
            lifecycle,
        ]
    ),
    library(
        "SharedDaemon",
        "Shared/Daemon",
        [
            "SharedMessages", "SharedConfig", "SharedLogging", "SharedHTTP", "SharedTracing",
            "SharedTraceExport", hummingbird, log, metrics,
            lifecycle, unixSignals, argumentParser,
        ]
    ),
    library(
        "SharedSSH",
        "Shared/SSH",
        ["CMalloc", "COpenSSL", crypto, cryptoExtras, asn1, deque, nioCore, nioPosix]
    ),
    library("SharedAudit", "Shared/Audit", ["SharedModels", "CIsal", "CZlib", nioCore]),
    library(
        "SharedDocker",
        "Shared/Docker",
        [
            "SharedWaiting",
            "SharedConfig", "SharedHTTP", "SharedMessages", nioCore, nioPosix, nioSSL, log,
        ]
    ),
    library(
        "SharedKubernetes",
        "Shared/Kubernetes",
        [
            "CProcess", "SharedConfig", "SharedTracing", "SharedWaiting", crypto, nioCore, nioHTTP1,
            nioPosix,
            nioSSL,
        ]
    ),
]

// Linked statically: they run inside whatever image or file system they are put into. No sanitizer
// can be linked with them; a build with one leaves them out.
let arePartsStatic = Context.environment["BERTH_WITHOUT_STATIC"] == nil
let staticNames = arePartsStatic ? ["berth-agent", "berth-sandbox-init"] : []
let staticPrograms: [Target] =
    !arePartsStatic
    ? []
    : [
        cLibrary("CAgent", "Services/gateway/CAgent"),
        .executableTarget(
            name: "berth-agent",
            dependencies: ["CAgent"],
            path: "Services/gateway/Agent",
            swiftSettings: [
                .swiftLanguageMode(.v6),
                .enableUpcomingFeature("MemberImportVisibility"),
                .enableExperimentalFeature("Embedded"),
                .strictMemorySafety(),
                .treatAllWarnings(as: .error),
                .unsafeFlags(["-wmo", "-Osize", "-parse-as-library"]),
            ],
            linkerSettings: [
                .unsafeFlags([
                    "-Xclang-linker", "-static", "-Xclang-linker", "-no-pie",
                    // Copied into containers: nothing that is not needed to run.
                    "-Xlinker", "--gc-sections", "-Xlinker", "-s",
                ]),
                .linkedLibrary("m"),
            ]
        ),
        // Without the Swift runtime: it is a sandbox's first process.
        .executableTarget(
            name: "berth-sandbox-init",
            dependencies: ["CProcess"],
            path: "Services/gateway/SandboxInit",
            linkerSettings: [.unsafeFlags(["-static-executable", "-nostartfiles"])]
        ),
    ]

let services: [Target] = [
    library(
        "AuthClient",
        "Services/authd/Client",
        [
            "SharedModels", "SharedMessages", "SharedHTTP", "SharedLogging", "SharedConfig",
            "MetricsClient", hummingbird, httpTypes, log,
        ]
    ),
    library(
        "AuthOAuth2",
        "Services/authd/OAuth2",
        [
            "SharedConfig", "SharedHTTP", "SharedLogging", "SharedMessages", "SharedModels",
            "SharedQRCode", "SharedWaiting", crypto, hummingbird, httpTypes, jwt, log, nioCore,
            nioPosix, lifecycle,
        ]
    ),
    library(
        "AuthdCore",
        "Services/authd/Core",
        [
            "AuthClient", "AuthOAuth2", "SharedModels", "SharedMessages", "SharedLogging",
            "SharedHTTP", "SharedConfig", "SharedSSH", "CCrypt", "CDirectory", "CKerberos", crypto,
            grdb, log, hummingbird,
            httpTypes, nioCore, nioPosix,
        ]
    ),
    library(
        "ConfigClient",
        "Services/configd/Client",
        [
            "SharedModels", "SharedMessages", "SharedLogging",
            "SharedHTTP", "SharedConfig", "MetricsClient", log,
        ]
    ),
    library(
        "ConfigdCore",
        "Services/configd/Core",
        [
            "ConfigClient", "SharedModels", "SharedLogging",
            "SharedMessages", "SharedHTTP", "SharedConfig", log, hummingbird, httpTypes, nioCore,
            nioPosix, lifecycle,
        ]
    ),
    library(
        "AuditClient",
        "Services/auditd/Client",
        [
            "SharedModels", "SharedMessages",
            "SharedHTTP", "SharedConfig", "SharedAudit", "SharedLogging", deque, log, metrics,
            nioCore, lifecycle,
        ]
    ),
    library(
        "AuditEvidence",
        "Services/auditd/Evidence",
        ["AuditClient", "SharedMessages", crypto, nioCore]
    ),
    library(
        "AuditdCore",
        "Services/auditd/Core",
        [
            "SharedTracing",
            "AuditClient", "AuditEvidence", "SharedAudit", "SharedModels", "CFiles", "CIsal",
            "SharedLogging",
            "SharedMessages", "SharedHTTP", "SharedConfig", "SharedAge", grdb, log, metrics,
            hummingbird,
            httpTypes, nioCore, nioPosix, lifecycle, deque, crypto,
        ],
        resources: [
            .embedInCode("Web/index.html"), .embedInCode("Web/page.css"),
            .embedInCode("Web/page.js"), .embedInCode("Web/terminal.js"),
            .embedInCode("Web/api.js"), .embedInCode("Web/events.js"),
            .embedInCode("Web/list.js"), .embedInCode("Web/player.js"),
        ]
    ),
    library(
        "MetricsClient",
        "Services/metricsd/Client",
        [
            "SharedModels", "SharedMessages", "SharedLogging",
            "SharedHTTP", "SharedConfig", log, metrics, coreMetrics, lifecycle,
        ]
    ),
    library(
        "MetricsdCore",
        "Services/metricsd/Core",
        [
            "SharedTracing",
            "MetricsClient", "SharedModels", "SharedLogging",
            "SharedMessages", "SharedHTTP", "SharedConfig", "CMaxMind", deque, log, hummingbird,
            httpTypes, nioCore, nioPosix, lifecycle,
        ]
    ),
    library(
        "GatewayClient",
        "Services/gateway/Client",
        ["SharedMessages", "SharedModels", "SharedHTTP", "SharedConfig", log]
    ),
    library(
        "GatewayCore",
        "Services/gateway/Core",
        [
            "SharedTracing",
            "SharedLogging", "SharedSSH", "SharedModels", "SharedMessages",
            "SharedConfig", "SharedWaiting", "SharedAudit", "SharedHTTP", "MetricsClient",
            "AuthClient", "CProcess",
            "ConfigClient",
            "AuditClient", "GatewayClient",
            deque, log, metrics, nioCore, nioPosix, lifecycle, unixSignals, hummingbird, httpTypes,
        ]
    ),
    library(
        "GatewayOAuth2",
        "Services/gateway/OAuth2",
        [
            "AuthOAuth2", "GatewayCore", "MetricsClient", "SharedConfig", "SharedLogging",
            "SharedMessages", "SharedModels", log,
        ]
    ),
    library(
        "BackendMachine",
        "Services/gateway/Backends/Machine",
        ["SharedSystem", "CProcess"]
    ),
    library(
        "OCIBackend",
        "Services/gateway/Backends/OCI",
        [
            "BackendMachine", "BackendPool", "GuestAgent", "GatewayCore", "MetricsClient",
            "SharedConfig", "SharedImages", "SharedLogging", "SharedMessages", "SharedModels",
            "SharedSSH", "SharedSystem", "SharedWaiting", "CProcess", log, nioCore, nioPosix,
            lifecycle,
        ]
    ),
    library(
        "SandboxBackend",
        "Services/gateway/Backends/Sandbox",
        [
            "BackendMachine", "SharedWaiting",
            "GatewayCore", "SharedConfig", "SharedLogging",
            "SharedMessages", "SharedModels", "SharedSSH", "SharedSystem", "CProcess", "CSeccomp",
            deque, log, nioCore, nioPosix,
        ]
    ),
    library(
        "BackendPool",
        "Services/gateway/Backends/Pool",
        [
            "SharedConfig", "SharedLogging", "SharedTracing", "SharedMessages", "MetricsClient",
            crypto, lifecycle,
            log,
        ]
    ),
    library(
        "GuestAgent",
        "Services/gateway/Backends/GuestAgent",
        [
            "GatewayCore", "SharedConfig", "SharedLogging", "SharedMessages", "SharedSSH",
            "SharedWaiting", crypto, deque, log, nioCore, nioPosix,
        ]
    ),
    library(
        "DockerBackend",
        "Services/gateway/Backends/Docker",
        [
            "SharedWaiting", "BackendPool", "GuestAgent",
            "GatewayCore", "SharedAudit", "SharedConfig",
            "SharedHTTP", "SharedLogging", "SharedMessages", "SharedModels", "SharedSSH",
            "SharedDocker", log, nioCore, nioPosix,
        ]
    ),
    library(
        "KubernetesBackend",
        "Services/gateway/Backends/Kubernetes",
        [
            "BackendPool", "GatewayCore", "GuestAgent", "SharedConfig", "SharedKubernetes",
            "SharedLogging", "SharedTracing", "SharedMessages", "SharedModels", "SharedSSH",
            "SharedWaiting",
            crypto, log, nioCore, nioPosix,
        ]
    ),
    library(
        "SSHProxyBackend",
        "Services/gateway/Backends/SSHProxy",
        [
            "SharedWaiting", "GatewayCore", "SharedConfig", "SharedLogging", "SharedMessages",
            "SharedModels", "SharedSSH", "CProcess", "Clibssh", deque, log, nioCore,
        ]
    ),
    executable(
        "berth-gateway",
        "Services/gateway/Main",
        [
            "GatewayCore", "SandboxBackend", "BackendPool", "OCIBackend",
            "DockerBackend", "GuestAgent", "KubernetesBackend", "SSHProxyBackend", "MetricsClient",
            "SharedDaemon", argumentParser, "SharedConfig", "SharedLogging", "SharedMessages",
            "SharedSSH", "SharedHTTP", "AuthClient", "AuthOAuth2", "GatewayOAuth2", "ConfigClient",
            "AuditClient", log, metrics, lifecycle, nioPosix, nioCore,
        ]
    ),
    executable(
        "berth-authd",
        "Services/authd/Main",
        [
            "AuthdCore", "AuthClient", "AuthOAuth2", "MetricsClient", "SharedDaemon",
            "SharedConfig", "SharedHTTP", argumentParser, log, nioPosix,
        ]
    ),
    executable(
        "berth-configd",
        "Services/configd/Main",
        [
            "ConfigdCore", "SharedDaemon", argumentParser,
            "SharedConfig", "MetricsClient", "SharedMessages", "SharedHTTP", log, lifecycle,
        ]
    ),
    executable(
        "berth-auditd",
        "Services/auditd/Main",
        [
            nioPosix,
            "AuditdCore", "SharedDaemon", argumentParser,
            "SharedConfig", "MetricsClient", "SharedMessages", "SharedHTTP", log, lifecycle,
        ]
    ),
    executable(
        "berth-metricsd",
        "Services/metricsd/Main",
        [
            "MetricsdCore", "SharedDaemon", "SharedConfig", "SharedHTTP", argumentParser,
        ]
    ),
    executable(
        "berth",
        "Services/cli",
        [
            "SharedMessages", "SharedConfig", "SharedHTTP", "SharedDaemon",
            "SharedModels", "SharedSSH", "SharedAudit", "SharedAge", "SharedImages", "AuthClient",
            "AuditClient",
            "AuditEvidence",
            "GatewayClient", "SharedDocker", "WebhookKit", "ConfigdCore", "SimulationKit",
            "SharedQRCode", argumentParser, log, nioCore,
        ]
    ),
    library(
        "WebhookKit",
        "Services/webhook/Kit",
        [
            "AuthClient", "SharedConfig", "SharedHTTP", "SharedJUnit", "SharedMessages",
            hummingbird, httpTypes, log, nioCore,
        ]
    ),
    library(
        "SimulationKit",
        "Services/simulation/Kit",
        [
            "AuthClient", "ConfigClient", "ConfigdCore", "GatewayCore", "MetricsClient",
            "SharedConfig", "SharedJUnit", "SharedLogging", "SharedMessages", "SharedModels",
            "SharedSSH", "SharedWaiting", log, metrics, nioCore, nioPosix,
        ]
    ),
    executable(
        "berth-bench",
        "Tests/Bench",
        [
            "SharedSSH", "SharedModels", argumentParser, crypto, log, nioCore, nioPosix,
        ],
        exclude: ["scripts"]
    ),
]

// What the fuzzer runs and the tests replay; the fuzzer itself is built only when it is asked for,
// with the sanitizer that brings its main().
let fuzzing: [Target] =
    [
        library("FuzzTargets", "Tests/Fuzz/Targets", ["GuestAgent", "SharedSSH", nioCore]),
        .testTarget(
            name: "FuzzTargetsTests",
            dependencies: ["FuzzTargets", "SharedSSH", nioCore],
            path: "Tests/FuzzTargetsTests",
            swiftSettings: strict
        ),
    ]
    + (Context.environment["BERTH_FUZZ"] == nil
        ? []
        : [
            .executableTarget(
                name: "berth-fuzz",
                dependencies: ["FuzzTargets"],
                path: "Tests/Fuzz/Main",
                swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]
            )
        ])

let support: [Target] = [
    library(
        "BackendConformance",
        "Tests/Support/BackendConformance",
        [
            "GatewayCore",
            "SharedConfig", "SharedMessages", "SharedModels", "SharedSSH", nioCore, nioPosix, log,
        ]
    ),
    library("ChildProcess", "Tests/Support/ChildProcess", ["CProcess"]),
    library("DirectoryServer", "Tests/Support/DirectoryServer", ["ChildProcess"]),
    library("TestCertificates", "Tests/Support/TestCertificates", []),
    .target(
        name: "ClusterDouble",
        dependencies: [
            "BackendMachine", "CProcess", "SharedConfig", "SharedKubernetes", "SharedSystem",
            nioCore, nioPosix,
        ],
        path: "Tests/Support/ClusterDouble",
        exclude: ["Scripts"],
        swiftSettings: strict
    ),
    executable(
        "test-daemon",
        "Tests/Support/TestDaemon",
        ["SharedDaemon", "SharedConfig", "SharedHTTP", "SharedMessages", argumentParser, lifecycle]
    ),
    library("StubHTTPServer", "Tests/Support/StubHTTPServer", [nioCore, nioPosix, nioHTTP1]),
    library("TraceSink", "Tests/Support/TraceSink", ["StubHTTPServer"]),
    library("GeoDatabase", "Tests/Support/GeoDatabase"),
    library(
        "ProviderDouble",
        "Tests/Support/ProviderDouble",
        ["StubHTTPServer", crypto, cryptoExtras]
    ),
    library("SSHTarget", "Tests/Support/SSHTarget", ["CProcess"]),
    library(
        "SSHTestServer",
        "Tests/Support/SSHTestServer",
        ["SharedSSH", crypto, nioCore, nioPosix]
    ),
]

let testTargets: [Target] = [
    .testTarget(
        name: "EndToEndTests",
        dependencies: [
            "berth", "berth-gateway", "berth-authd", "berth-configd", "berth-auditd",
            "berth-metricsd", "SharedMessages", "StubHTTPServer", "CProcess",
            "SSHTarget", "GeoDatabase", "ClusterDouble", "SharedConfig", "SharedKubernetes",
            "GatewayClient", "DirectoryServer", "ProviderDouble", "TraceSink",
            crypto,
        ],
        path: "Tests/EndToEnd",
        exclude: ["Clients/Checks", "Clients/Scripts", "Attacks/Scripts"],
        swiftSettings: strict
    ),
    tests("SharedWaiting", [nioCore, nioPosix]),
    tests("SharedModels"),
    tests("SharedMessages"),
    tests("SharedImages", ["SharedMessages", "SharedSystem", "CFiles", crypto]),
    tests("SharedConfig", ["SharedMessages", yams]),
    tests("SharedLogging", ["SharedMessages", "SharedConfig", log, inMemoryLogging]),
    tests(
        "SharedHTTP",
        [
            "SharedMessages", "SharedModels", "SharedConfig", "SharedTracing", "StubHTTPServer",
            "TestCertificates", hummingbird, log, lifecycle, nioCore, nioPosix, nioSSL,
        ]
    ),
    tests("SharedTracing", ["SharedMessages"]),
    tests(
        "SharedTraceExport",
        [
            "SharedConfig", "SharedMessages", "SharedTracing", "StubHTTPServer", "TraceSink",
            inMemoryLogging, lifecycle, lifecycleTestKit, log,
        ]
    ),
    tests(
        "SharedDaemon",
        [
            "SharedMessages", "SharedConfig", "SharedLogging", "ChildProcess", "test-daemon",
            inMemoryLogging, log, lifecycle,
        ]
    ),
    // Drives the executable; its module is embedded and cannot be linked with the tests.
    .testTarget(
        name: "AgentTests",
        dependencies: ["CProcess"],
        path: "Tests/AgentTests",
        swiftSettings: strict
    ),
    .testTarget(
        name: "CLITests",
        dependencies: [
            "berth", "ChildProcess", "SharedMessages", "StubHTTPServer", "SharedDocker",
            "SharedAge", "AuditClient", "SharedAudit", "SharedHTTP", "berth-auditd", log, nioCore,
        ],
        path: "Tests/CLITests",
        swiftSettings: strict
    ),
    tests("SharedSSH", ["SSHTestServer", crypto, cryptoExtras, nioCore, nioPosix, nioEmbedded]),
    tests("SharedAge", ["ChildProcess", nioCore]),
    tests("SharedAudit", ["SharedModels", nioCore], resources: [.copy("Samples")]),
    tests(
        "SharedDocker",
        ["SharedHTTP", "SharedMessages", "StubHTTPServer", nioCore, nioPosix, log]
    ),
    tests(
        "AuthClient",
        [
            "SharedModels", "SharedMessages", "SharedHTTP", "SharedConfig", "MetricsClient",
            "StubHTTPServer", metricsTestKit, coreMetrics, inMemoryLogging, log,
        ]
    ),
    tests(
        "WebhookKit",
        ["SharedConfig", "SharedHTTP", "SharedMessages", hummingbird, log, lifecycle]
    ),
    tests(
        "AuthOAuth2",
        [
            "ProviderDouble", "SharedConfig", "SharedHTTP", "SharedMessages", "SharedModels",
            "StubHTTPServer", crypto, hummingbird, inMemoryLogging, log, lifecycle,
        ]
    ),
    tests(
        "AuthdCore",
        [
            "AuthClient", "AuthOAuth2", "DirectoryServer", "ProviderDouble", crypto, "SharedModels",
            "SharedMessages", "SharedConfig", "SharedHTTP", "SharedSSH",
            inMemoryLogging, hummingbird, httpTypes, lifecycle, yams, log, grdb,
        ]
    ),
    tests(
        "ConfigClient",
        [
            "SharedModels", "SharedMessages", "SharedHTTP", "SharedConfig", "MetricsClient",
            "StubHTTPServer", metricsTestKit, log,
        ]
    ),
    tests(
        "SimulationKit",
        [
            "AuthClient", "AuthdCore", "ConfigClient", "ConfigdCore", "GatewayCore",
            "MetricsClient", "SharedConfig", "SharedHTTP", "SharedMessages", "SharedModels",
            "SharedSSH", hummingbird, log, lifecycle, metrics, nioCore,
        ]
    ),
    tests(
        "ConfigdCore",
        [
            "ConfigClient", "SharedModels", "SharedMessages", "SharedConfig", "MetricsClient",
            "SharedHTTP", hummingbird, hummingbirdTesting, httpTypes, inMemoryLogging,
            metricsTestKit, lifecycle, nioCore, log,
        ]
    ),
    tests(
        "AuditClient",
        [
            "SharedModels", "SharedMessages", "SharedHTTP", "SharedConfig",
            "SharedAudit", "StubHTTPServer", inMemoryLogging, log, nioCore,
        ]
    ),
    tests(
        "AuditdCore",
        [
            "SharedTracing",
            "AuditClient", "AuditEvidence", "SharedModels", "SharedMessages", "SharedConfig",
            "SharedHTTP", "SharedAudit", "SharedAge", hummingbird, hummingbirdTesting, log, nioCore,
            httpTypes, yams, inMemoryLogging, "SharedLogging", "ChildProcess", nioPosix,
            "TestCertificates",
        ],
        exclude: ["S3/Scripts", "Scripts"]
    ),
    tests(
        "MetricsClient",
        [
            "SharedModels", "SharedMessages", "SharedHTTP", "SharedConfig",
            "StubHTTPServer", log, metrics, coreMetrics, lifecycle, lifecycleTestKit,
        ]
    ),
    tests(
        "MetricsdCore",
        [
            "ChildProcess", "MetricsClient", "SharedModels", "SharedMessages", "SharedConfig",
            "SharedHTTP", "GeoDatabase", hummingbird, hummingbirdTesting, httpTypes, log, nioCore,
            lifecycle, lifecycleTestKit, inMemoryLogging, yams,
        ]
    ),
    tests(
        "GatewayCore",
        [
            "SharedTracing",
            "SharedSSH", "SharedModels", "SharedMessages", "SharedConfig",
            "SharedAudit", "AuthClient", "ConfigClient", "AuditClient", "StubHTTPServer",
            "BackendConformance", "SSHTestServer", "MetricsClient", "SharedHTTP", "GatewayClient",
            hummingbird, hummingbirdTesting, httpTypes, yams, metricsTestKit, inMemoryLogging, log,
            nioCore,
            nioPosix, nioEmbedded, "SharedWaiting", lifecycle,
        ]
    ),
    tests("BackendMachine", ["CProcess", "SharedSystem"]),
    tests(
        "OCIBackend",
        [
            "BackendMachine", "BackendPool", "GatewayCore", "BackendConformance", "CProcess",
            "MetricsClient", "SharedConfig", "SharedImages", "SharedLogging", "SharedMessages",
            "SharedModels", "SharedSSH", "SharedSystem", "SharedWaiting",
            inMemoryLogging, log, metrics, nioCore, nioPosix,
        ]
    ),
    tests(
        "SandboxBackend",
        [
            "BackendMachine", "GatewayCore", "BackendConformance", "CProcess", "SharedConfig",
            "SharedLogging",
            "SharedMessages", "SharedModels", "SharedSSH", "SharedSystem", log, nioCore, nioPosix,
        ]
    ),
    tests(
        "GuestAgent",
        [
            "BackendConformance", "CProcess", "GatewayCore", "SSHTarget", "SharedConfig",
            "SharedMessages", "SharedSSH", "SharedWaiting", log, nioCore, nioEmbedded, nioPosix,
        ]
    ),
    tests(
        "SSHProxyBackend",
        [
            "GatewayCore", "BackendConformance", "SharedConfig", "SharedLogging",
            "SharedMessages", "SharedModels", "SharedSSH", "SSHTarget", "SSHTestServer",
            inMemoryLogging, log, nioCore, nioPosix,
        ],
        exclude: ["Scripts"]
    ),
    tests(
        "SharedKubernetes",
        [
            "SharedConfig", "SharedTracing", "ClusterDouble", "StubHTTPServer", nioCore, nioPosix,
            nioEmbedded,
        ]
    ),
    tests(
        "KubernetesBackend",
        [
            "BackendConformance", "BackendPool", "ClusterDouble", "GatewayCore", "GuestAgent",
            "SharedConfig", "SharedKubernetes", "SharedMessages", "SharedModels", "SharedSSH",
            inMemoryLogging, log, nioCore, nioPosix,
        ]
    ),
    tests("BackendPool", ["SharedConfig"]),
    tests(
        "DockerBackend",
        [
            "GatewayCore", "BackendConformance", "BackendPool", "GuestAgent", "SharedDocker",
            "SharedConfig",
            "SharedHTTP", "SharedMessages", "SharedModels", "SharedSSH", "SSHTarget",
            "StubHTTPServer",
            "ChildProcess", crypto,
            log, nioCore, nioPosix, inMemoryLogging,
        ]
    ),
]

let package = Package(
    name: "berth",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "berth-gateway", targets: ["berth-gateway"]),
        .executable(name: "berth-authd", targets: ["berth-authd"]),
        .executable(name: "berth-configd", targets: ["berth-configd"]),
        .executable(name: "berth-auditd", targets: ["berth-auditd"]),
        .executable(name: "berth-metricsd", targets: ["berth-metricsd"]),
        .executable(name: "berth", targets: ["berth"]),
    ] + staticNames.map { .executable(name: $0, targets: [$0]) },
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: systemLibraries + shared + staticPrograms + services + fuzzing + support + testTargets
)
