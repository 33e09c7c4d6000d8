package import Hummingbird
import NIOCore

/// What a route handler gets beside the request. `logger` carries the request's identity.
package struct HTTPContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// The caller's `X-Request-ID`, or one of our own; returned in the reply.
    package var requestID = ""
    /// Of the connection's other end, without the port; `nil` for a Unix socket.
    package let clientAddress: String?

    package init(source: ApplicationRequestContextSource) {
        clientAddress = source.channel.remoteAddress?.ipAddress
        coreContext = .init(source: source)
    }
}
