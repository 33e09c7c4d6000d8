import ConfigClient
package import Foundation
import HTTPTypes
package import Hummingbird
import Logging
import NIOCore
import SharedConfig
package import SharedHTTP
import SharedLogging
import SharedMessages
import SharedModels

/// The config webhook, answered from the rules.
package struct ConfigdRoutes: Sendable {
    private let book: RuleBook
    private let now: @Sendable () -> Date

    /// `now` says when a question is asked.
    package init(_ book: RuleBook, now: @escaping @Sendable () -> Date = { Date() }) {
        self.book = book
        self.now = now
    }

    package func add(to router: Router<HTTPContext>) {
        router.post(RouterPath(ConfigRoutes.config)) { request, context in
            let bytes = try await request.bytes(upTo: ConfigRoutes.requestLimit)
            return try answer(bytes, context)
        }
    }

    private func answer(_ bytes: [UInt8], _ context: HTTPContext) throws -> Response {
        let question: ConfigRequest
        do throws(ConfigProblems) {
            question = try ConfigRequest(JSONTree.parse(bytes).tree)
        } catch {
            context.logger.emit(.configdRequestInvalid, ["reason": "\(error)"])
            throw HTTPRefusal(.badRequest, .configdRequestInvalid, error.description)
        }
        do throws(CodedError) {
            let reply = try book.rules.decide(question, at: now()).response.tree.json + "\n"
            return Response(
                status: .ok,
                headers: [.contentType: "application/json"],
                body: .init(byteBuffer: ByteBuffer(string: reply))
            )
        } catch {
            context.logger.emit(
                error,
                ["connectionId": "\(question.head.connectionID)"]
            )
            // Asking again cannot help, and a status 4xx says so.
            throw HTTPRefusal(.unprocessableContent, error.code)
        }
    }
}
