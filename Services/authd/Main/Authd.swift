import ArgumentParser
import AuthClient
import AuthOAuth2
import AuthdCore
import Logging
import MetricsClient
import NIOPosix
import SharedConfig
import SharedDaemon
import SharedHTTP

@main
struct Authd: DaemonCommand {
    static let configuration = CommandConfiguration(
        commandName: "berth-authd",
        abstract: "Answers who somebody is, and keeps the users."
    )

    @OptionGroup var options: DaemonOptions

    func services(_ context: DaemonContext) async throws -> [DaemonService] {
        let logger = context.logger("auth")
        let config = context.config.authd
        let metrics = ProcessMetrics.install(daemon: "authd")
        let store = try UserStore(path: config.database)
        let hasher = try PasswordHasher(
            threads: config.passwords.threads,
            maximumWaiting: config.passwords.waiting
        )
        context.health.register("database") { await store.problem() }

        let router = context.router(logger)
        let directory = try await directory(config.ldap, logger)
        let kerberos = try await kerberos(context.config, store, directory, logger)
        let passwords = PasswordSources(
            store: store,
            hasher: hasher,
            kerberos: kerberos.flatMap { $0.checksPasswords ? $0 : nil },
            directory: directory
        )
        let authority = Authority(
            passwords,
            passwordAlone: config.totp.passwordAlone,
            logger: logger
        )
        let conversation = try await Conversation(
            passwords,
            config: config.totp,
            provider: try await provider(config.oauth2, store, logger),
            logger: logger
        )
        WebhookRoutes(authority, conversation, kerberos: kerberos).add(to: router)
        let limits = SharedLimits(context.config.limits, logger: context.logger("limits"))
        context.onReload { limits.use($0.limits) }
        SharedLimitsRoutes(limits).add(to: router)
        let webhook = try HTTPService(
            "authd",
            HTTPServerOptions(config.server),
            router: router,
            logger: logger
        )

        let adminRouter = context.router(logger)
        AdminGate(store: store, token: config.admin.token).add(to: adminRouter)
        let administrator = UserAdministrator(store: store, hasher: hasher, logger: logger)
        UserAdminRoutes(administrator, totp: config.totp).add(to: adminRouter)
        let issuer = CertificateIssuer(
            store: store,
            config: config.certificates,
            logger: logger
        )
        AuthorityAdminRoutes(issuer).add(to: adminRouter)
        PenaltyRoutes(limits).add(to: adminRouter)
        var adminOptions = try HTTPServerOptions(config.admin.server)
        adminOptions.socketMode = 0o600
        let admin = try HTTPService(
            "authd admin",
            adminOptions,
            router: adminRouter,
            logger: logger
        )
        let reporter = try metrics.reporter(
            context.config.metrics.push,
            listen: config.server.listen,
            health: context.health,
            logger: context.logger("metrics")
        )
        var servers = [webhook, admin]
        if config.login.enable {
            let loginRouter = context.router(logger)
            LoginRoutes(
                conversation,
                issuer,
                limits: limits,
                sources: context.config.limits,
                logger: logger
            ).add(to: loginRouter)
            servers.append(
                try HTTPService(
                    "authd login",
                    HTTPServerOptions(config.login.server),
                    router: loginRouter,
                    logger: logger
                )
            )
        }
        if config.oauth2.isUsed {
            let redirect = config.oauth2.oauth2.redirect
            servers.append(
                try .redirect(
                    redirect,
                    HTTPServerOptions(redirect.server),
                    logger: logger
                )
            )
        }
        let services = servers.map { service in
            DaemonService(service) { _ = try await service.boundAddress() }
        }
        return (reporter.map { [DaemonService($0, name: "metrics")] } ?? []) + services
    }

    private func provider(
        _ config: AuthdOAuth2Config,
        _ store: UserStore,
        _ logger: Logger
    ) async throws -> ProviderLogin? {
        guard config.isUsed else { return nil }
        let login = try OAuth2Login(
            config.oauth2,
            key: try await store.sealingKey(),
            longestRound: config.longestRound,
            logger: logger
        )
        return ProviderLogin(login, config, store: store)
    }

    private func kerberos(
        _ config: BerthConfig,
        _ store: UserStore,
        _ directory: LDAPDirectory?,
        _ logger: Logger
    ) async throws -> KerberosAuthority? {
        let kerberos = config.authdKerberos
        guard kerberos.isUsed else { return nil }
        return try await NIOThreadPool.singleton.runIfActive {
            try KerberosAuthority(
                store: store,
                directory: directory,
                config: kerberos,
                logger: logger
            )
        }
    }

    private func directory(
        _ config: AuthdLDAPConfig,
        _ logger: Logger
    ) async throws -> LDAPDirectory? {
        guard config.isUsed else { return nil }
        return try await NIOThreadPool.singleton.runIfActive {
            try LDAPDirectory(config, logger: logger)
        }
    }

    func healthTarget(_ config: BerthConfig) -> HTTPClientConfig? {
        .asking(config.authd.server, like: config.health.client)
    }
}
