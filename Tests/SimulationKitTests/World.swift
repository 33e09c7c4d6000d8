import AuthClient
import Foundation
import Logging
import NIOCore
import ServiceLifecycle
import SharedConfig
import SharedHTTP
import SharedModels
import Synchronization

@testable import AuthdCore
@testable import ConfigdCore
@testable import SimulationKit

/// SplitMix64: the same numbers everywhere.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func pick<Element>(_ list: [Element]) -> Element {
        list[Int.random(in: list.indices, using: &self)]
    }

    /// Some of them, in their order.
    mutating func some<Element>(_ list: [Element], _ chance: Double) -> [Element] {
        list.filter { _ in Double.random(in: 0..<1, using: &self) < chance }
    }
}

/// Users, rules and logins, all made up.
struct World: Sendable {
    struct User: Sendable {
        var account: NewUser
        var key: [UInt8]
    }

    private static let groups = ["staff", "ops", "guests", "dev-a", "dev-b"]
    private static let options = [
        "", "", "no-pty ", "restrict ", "restrict,pty ", "command=\"forced\" ",
        "from=\"10.0.0.0/8\" ", "no-port-forwarding ", "no-agent-forwarding,no-X11-forwarding ",
    ]
    private static let requests = [
        "shell", "exec ls -l", "exec uptime", "exec rm -rf /", "subsystem sftp", "subsystem x",
        "pty", "env LANG=C", "env LC_ALL=C", "env SECRET=1", "agent", "x11",
        "forward example.org:443", "forward example.org:25", "listen localhost:8080",
    ]
    private static let addresses = ["10.1.2.3", "10.200.0.1", "203.0.113.7", "198.51.100.4"]

    let users: [User]

    init(_ random: inout SeededGenerator) {
        users = (0..<12).map { index in
            let key = Self.key(&random)
            let line = "ssh-ed25519 " + Data(key).base64EncodedString()
            var user = NewUser(name: "user\(index)", keys: [random.pick(Self.options) + line])
            user.disabled = Int.random(in: 0..<12, using: &random) == 0
            user.groups = random.some(Self.groups, 0.4)
            user.loginNames = random.some(["root", "deploy"], 0.3)
            user.metadata = ["sessions": MetadataValue("\(Int.random(in: -1...3, using: &random))")]
            if Bool.random(using: &random) { user.metadata?["team"] = MetadataValue("red") }
            if Int.random(in: 0..<4, using: &random) == 0 {
                user.metadata?["team"] = MetadataValue("../etc", sensitive: true)
            }
            return User(account: user, key: key)
        }
    }

    private static func key(_ random: inout SeededGenerator) -> [UInt8] {
        var buffer = ByteBuffer()
        buffer.writeInteger(UInt32(11))
        buffer.writeString("ssh-ed25519")
        buffer.writeInteger(UInt32(32))
        for _ in 0..<32 { buffer.writeInteger(UInt8.random(in: 0...255, using: &random)) }
        return Array(buffer.readableBytesView)
    }

    // MARK: - Logins

    static let date = Date(timeIntervalSince1970: 1_767_225_600 + 6 * 86400 + 12 * 3600)

    func login(_ random: inout SeededGenerator) -> SimulatedLogin {
        let user = random.pick(users)
        let isOther = Int.random(in: 0..<10, using: &random) == 0
        let key = isOther ? random.pick(users).key : user.key
        let names = [user.account.name, user.account.name, "root", "deploy", "nobody"]
        return SimulatedLogin(
            username: random.pick(names),
            address: random.pick(Self.addresses),
            credential: .key(key),
            country: random.pick(["", "DE", "FR"]),
            date: Self.date,
            requests: random.some(Self.requests, 0.3).compactMap(SimulatedRequest.init)
        )
    }

    // MARK: - Rules

    /// One to twelve rules as YAML.
    func rules(_ random: inout SeededGenerator) -> String {
        let count = Int.random(in: 1...12, using: &random)
        let list: [ConfigTree] = (0..<count).map { index in
            var rule: [String: ConfigTree] = ["name": .string("rule\(index)")]
            rule["match"] = match(&random)
            rule["config"] = config(&random)
            rule["layer"] = .string(random.pick(["base", "team", "user", "exception"]))
            rule["final"] = .bool(Int.random(in: 0..<8, using: &random) == 0)
            rule["environment"] = ["WHO": "${username}", "N\(index)": "${country:-nowhere}"]
            if Int.random(in: 0..<12, using: &random) == 0 {
                rule["metadata"] = ["t": "${metadata.team}"]
            }
            if Int.random(in: 0..<6, using: &random) == 0 {
                rule["authenticatedUsername"] = "${username}"
            }
            return .map(rule)
        }
        let tree: ConfigTree = ["timeZone": "Europe/Berlin", "rules": .list(list)]
        return tree.json
    }

    private func match(_ random: inout SeededGenerator) -> ConfigTree {
        let all: [(String, ConfigTree)] = [
            ("user", random.pick(["user*", "root", "user1?"])),
            ("authenticatedUser", random.pick(["user?", "user3"])),
            ("group", .list(random.some(Self.groups, 0.6).map { .string($0) } + ["none"])),
            ("address", random.pick(["10.0.0.0/8", "203.0.113.0/24"])),
            ("country", random.pick(["DE", "XX"])),
            ("time", random.pick(["Wed 13:00-14:00", "Thu", "08:00-12:00"])),
            ("metadata", ["team": random.pick(["red", "*"])]),
        ]
        return .map(Dictionary(uniqueKeysWithValues: random.some(all, 0.2)))
    }

    private func config(_ random: inout SeededGenerator) -> ConfigTree {
        func pick(_ list: [ConfigTree]) -> ConfigTree { random.pick(list) }
        let modes: [ConfigTree] = ["enable", "disable", .null]
        let all: [(String, ConfigTree)] = [
            ("shell", ["mode": pick(modes)]), ("tty", ["mode": pick(modes)]),
            (
                "command",
                ["mode": pick(["filter", "enable", "disable"]), "allow": ["uptime", "glob:ls *"]]
            ),
            ("env", ["mode": pick(["filter", "enable"]), "allow": ["LANG", "glob:LC_*"]]),
            ("subsystem", ["mode": pick(["filter", "disable"]), "allow": ["sftp"]]),
            ("defaultMode", pick(["enable", "disable"])),
            ("forceCommand", pick(["", "menu ${username}"])),
            ("maxSessions", pick([0, 5, "${int.metadata.sessions}", -1])),
            (
                "forwarding",
                [
                    "forwardingMode": pick(["enable", "filter", "disable"]),
                    "reverseForwardingMode": pick(["enable", "disable"]),
                    "x11ForwardingMode": pick(["enable", "disable"]),
                    "agentForwardingMode": pick(["enable", "disable"]),
                    "destinations": ["allow": ["example.org:443"]],
                ]
            ),
        ]
        var config: [String: ConfigTree] = [
            "security": .map(Dictionary(uniqueKeysWithValues: random.some(all, 0.35)))
        ]
        if Int.random(in: 0..<25, using: &random) == 0 { config["sandbox"] = ["network": "host"] }
        if Int.random(in: 0..<25, using: &random) == 0 { config["security"] = .null }
        return .map(config)
    }

    // MARK: - Servers

    /// The gateway's configuration, with webhooks at `url`.
    func config(_ url: String) throws -> BerthConfig {
        let text = """
            backend: sandbox
            auth:
              publicKey: {method: webhook, webhook: {url: "\(url)", authTimeout: 60s, timeout: 60s}}
              authz: {method: webhook, webhook: {url: "\(url)", authTimeout: 60s, timeout: 60s}}
            configserver: {url: "\(url)", timeout: 60s}
            """
        let file = ConfigFile(path: "berth.yaml", bytes: Array(text.utf8))
        return try ConfigLoader.load(file).config
    }

    /// Serves authd's and configd's webhooks on one socket while `body` runs.
    func serve(_ body: (Servers) async throws -> Void) async throws {
        try await withFolder(["rules.json": #"{"rules":[]}"#]) { folder in
            let logger = Logger(label: "live") { _ in SwiftLogNoOpLogHandler() }
            let store = try UserStore(path: folder + "/users.sqlite")
            let hasher = try PasswordHasher(cost: 1)
            let administrator = UserAdministrator(store: store, hasher: hasher, logger: logger)
            for user in users { _ = try await administrator.add(user.account) }
            let router = HTTPService.makeRouter(health: HealthRegistry(), logger: logger)
            let passwords = PasswordSources(store: store, hasher: hasher)
            let conversation = try await Conversation(passwords, config: .init(), logger: logger)
            let authority = Authority(passwords, logger: logger)
            WebhookRoutes(authority, conversation).add(to: router)
            let book = try RuleBook(paths: [folder + "/rules.json"])
            ConfigdRoutes(book, now: { World.date }).add(to: router)
            let service = try HTTPService(
                "live",
                HTTPServerOptions(listen: .unix(path: folder + "/s")),
                router: router,
                logger: logger
            )
            let group = ServiceGroup(configuration: .init(services: [service], logger: logger))
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                _ = try await service.boundAddress()
                let servers = Servers(url: "unix://\(folder)/s", folder: folder, book: book)
                try await body(servers)
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
        }
    }
}

/// Where the webhooks are.
struct Servers {
    let url: String
    let folder: String
    let book: RuleBook

    /// Puts rules in force, and reads them for a simulation as well.
    func use(_ rules: String) throws -> RuleSet {
        let path = folder + "/rules.json"
        try rules.write(toFile: path, atomically: true, encoding: .utf8)
        guard case .replaced = book.refresh(paths: [path]) else {
            throw ConfigProblems([ConfigProblem("", "the rules were not taken: \(rules)")])
        }
        return try RuleBook(paths: [path]).rules
    }
}
