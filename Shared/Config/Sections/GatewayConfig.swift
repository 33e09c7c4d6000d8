/// The gateway's own affairs beside SSH.
package struct GatewayConfig: ConfigSection {
    package var admin = GatewayAdminConfig()
    package var agent = GatewayAgentConfig()

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.section("admin", &admin)
        visitor.section("agent", &agent)
    }
}

/// The program that runs inside containers for the gateway.
package struct GatewayAgentConfig: ConfigSection {
    /// Its path; empty: `berth-agent` beside the gateway's own executable.
    package var binary = ""
    /// Where the gateway keeps it for containers of this machine's engine.
    package var folder = "/var/lib/berth/agent"

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("binary", &binary)
        visitor.field("folder", &folder)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check(binary.isEmpty || binary.hasPrefix("/"), "binary", binary, "must begin with /")
        list.check(folder.hasPrefix("/"), "folder", folder, "must begin with /")
        return list.problems
    }
}

/// Where live connections are listed and ended. Whoever reaches it may do that.
package struct GatewayAdminConfig: ConfigSection {
    package var enable = false
    package var server = HTTPServerConfig(listen: "unix:///run/berth/gateway-admin.sock")

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("enable", &enable)
        server.visit(&visitor)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        enable ? server.internalProblems(at: path) : []
    }
}
