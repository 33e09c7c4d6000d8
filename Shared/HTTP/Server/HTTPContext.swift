package import Hummingbird

/// What a route handler gets beside the request. `logger` carries the request's identity.
package struct HTTPContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// The caller's `X-Request-ID`, or one of our own; returned in the reply.
    package var requestID = ""

    package init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
    }
}
