/// The gateway's own affairs beside SSH.
package struct GatewayConfig: ConfigSection {
    package var admin = GatewayAdminConfig()

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.section("admin", &admin)
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
