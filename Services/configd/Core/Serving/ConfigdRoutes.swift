import ConfigClient
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

    package init(_ book: RuleBook) {
        self.book = book
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
            let reply = try book.rules.answer(question).tree.json + "\n"
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
