import Hummingbird
package import Logging
package import SharedHTTP
package import SharedMessages

extension MockWebhook {
    /// A server with nothing but this webhook.
    package func service(
        _ options: HTTPServerOptions,
        logger: Logger
    ) throws(CodedError) -> HTTPService {
        let router = HTTPService.makeRouter(health: HealthRegistry(), logger: logger)
        add(to: router)
        return try HTTPService("mock", options, router: router, logger: logger)
    }
}
