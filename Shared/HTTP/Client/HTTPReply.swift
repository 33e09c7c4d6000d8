package import SharedMessages
package import SharedModels

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The status line and header of a reply.
package struct HTTPReplyHead: Sendable, Hashable {
    /// 200...599.
    package var status: Int
    package var headers: HTTPHeaderList

    package init(status: Int, headers: HTTPHeaderList) {
        self.status = status
        self.headers = headers
    }

    package var isSuccess: Bool { (200...299).contains(status) }
}

/// A complete reply.
package struct HTTPReply: Sendable, Hashable {
    package var head: HTTPReplyHead
    package var body: [UInt8]

    package init(head: HTTPReplyHead, body: [UInt8]) {
        self.head = head
        self.body = body
    }

    package var status: Int { head.status }
    package var headers: HTTPHeaderList { head.headers }
    package var isSuccess: Bool { head.isSuccess }

    /// The body decoded as JSON, whatever the status and the content type.
    ///
    /// Throws a `CodedError` with code `HTTP_CLIENT_DECODE_FAILED`; it tells where decoding
    /// stopped and never quotes the body, which may hold secrets.
    package func decode<Value: Decodable>(_ type: Value.Type) throws(CodedError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(body))
        } catch let error as DecodingError {
            throw CodedError(
                .httpClientDecodeFailed,
                detail: "status \(status), \(body.count) bytes: JSON \(error.place)"
            )
        } catch {
            throw CodedError(.httpClientDecodeFailed, detail: "status \(status)", cause: error)
        }
    }

    /// What one of our daemons said when it refused the call, if that is what the body is.
    package var refusal: ErrorBody? {
        isSuccess ? nil : try? decode(ErrorBody.self)  // a foreign body carries no reason
    }
}
