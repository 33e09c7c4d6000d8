package import Logging
package import SharedConfig
package import SharedHTTP
package import SharedMessages

extension HTTPService {
    /// The redirect server of `oauth2.redirect`, which listens where `options` says.
    ///
    /// It may do so without TLS where others reach it: a code is of no use without what only the
    /// process that began the login knows (RFC 7636), and mostly a proxy in front has the
    /// certificate. Reads the page, so it blocks; throws a `CodedError` for one that cannot be used.
    package static func redirect(
        _ config: OAuth2RedirectConfig,
        _ options: HTTPServerOptions,
        logger: Logger
    ) throws(CodedError) -> HTTPService {
        // Strangers reach it: what the daemon lacks is told elsewhere.
        let router = HTTPService.makeRouter(health: HealthRegistry(), logger: logger)
        RedirectRoutes(try RedirectPage(config)).add(to: router)
        var options = options
        options.allowInsecure = true
        return try HTTPService("oauth2 redirect", options, router: router, logger: logger)
    }
}
