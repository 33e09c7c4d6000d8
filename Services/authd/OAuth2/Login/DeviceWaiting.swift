import Foundation
import Logging
import SharedLogging
import SharedMessages

/// Asks the provider until the person is done there (RFC 8628 §3.4).
struct DeviceWaiting {
    let provider: any OAuth2Provider
    let logger: Logger
    let labels: Logger.Metadata

    /// `until` is in seconds since 1970. Ends early when nobody wants the token any more.
    func token(
        _ grant: DeviceGrant,
        until: Int,
        _ isWanted: @Sendable () -> Bool
    ) async throws -> TokenReply {
        var pace = DevicePace(interval: grant.interval)
        var pause = pace.pause(after: .pending)
        while true {
            try await Task.sleep(for: pause)
            guard Int(Date.now.timeIntervalSince1970) < until else {
                throw OAuth2Refusal(.authOAuth2Timeout)
            }
            guard isWanted() else { throw CancellationError() }
            switch try await ask(grant) {
            case .token(let token): return token
            case .pending:
                logger.emit(.authOAuth2Pending, labels)
                pause = pace.pause(after: .pending)
            case .slowDown(let interval):
                pause = pace.pause(after: .slowDown(interval))
                logger.emit(
                    .oauthDeviceFlowRateLimitExceeded,
                    labels.merging(["interval": "\(pace.interval)"]) { $1 }
                )
            case nil: pause = pace.pause(after: .unreachable)
            }
        }
    }

    /// `nil` if the provider did not answer; it may do so the next time.
    private func ask(_ grant: DeviceGrant) async throws -> DeviceAnswer? {
        do {
            return try await provider.poll(grant)
        } catch let error as CodedError where error.isRetryable {
            logger.emit(error, labels)
            return nil
        }
    }
}
