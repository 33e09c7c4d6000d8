import AuthClient
import Logging
import SharedConfig
import SharedHTTP
import SharedMessages

/// Asks the webhook for the checks.
struct Probe: Sendable {
    let target: WebhookTarget
    private let auth: HTTPClient?
    private let config: HTTPClient?

    init(_ target: WebhookTarget) throws(CodedError) {
        self.target = target
        auth = try Self.client(target.auth)
        config = try Self.client(target.config)
    }

    func shutdown() {
        auth?.shutdown()
        config?.shutdown()
    }

    private static func client(_ config: HTTPClientConfig?) throws(CodedError) -> HTTPClient? {
        guard let config else { return nil }
        return try HTTPClient(try HTTPClientOptions(config), logger: quiet)
    }

    private static let quiet = Logger(label: "webhook") { _ in SwiftLogNoOpLogHandler() }

    func has(_ endpoint: WebhookEndpoint) -> Bool {
        endpoint == .config ? config != nil : auth != nil && target.endpoints.contains(endpoint)
    }

    // MARK: - Asking

    /// What the webhook says to a question.
    func ask(_ endpoint: WebhookEndpoint, _ question: Question) async throws -> Answer {
        Answer(try await post(endpoint, question.body), endpoint)
    }

    /// What it says to any bytes.
    func ask(_ endpoint: WebhookEndpoint, _ bytes: [UInt8]) async throws -> Answer {
        Answer(try await post(endpoint, bytes), endpoint)
    }

    func post(
        _ endpoint: WebhookEndpoint,
        _ bytes: [UInt8],
        path: String? = nil,
        method: HTTPCall.Method = .post,
        headers: HTTPHeaderList = [:]
    ) async throws -> HTTPReply {
        var all: HTTPHeaderList = [
            "Content-Type": "application/json", "Accept": "application/json",
        ]
        for field in headers.fields { all[field.name] = field.value }
        let call = HTTPCall(
            method,
            path ?? self.path(endpoint),
            headers: all,
            body: method == .get ? [] : bytes
        )
        guard let client = endpoint == .config ? config : auth else {
            throw CheckFailure(text: "there is no URL for it")
        }
        do {
            return try await client.send(call)
        } catch let error as CodedError {
            throw CheckFailure(text: "no answer: \(error.cause.map { "\($0)" } ?? error.detail)")
        }
    }

    private func path(_ endpoint: WebhookEndpoint) -> String {
        guard endpoint == .config else { return endpoint.rawValue }
        let isSocket = target.config?.url.hasPrefix("unix://") == true
        return isSocket ? endpoint.rawValue : ""
    }
}
