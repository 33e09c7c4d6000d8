import Logging
import SharedConfig
import SharedDocker
import SharedLogging
import SharedMessages
import Synchronization

/// Sees to it that the engine has an image.
struct ImageKeeper: Sendable {
    /// Registries that say nothing for so long are given up.
    private static let silence = Duration.seconds(60)

    let engine: EngineClient
    let config: DockerConfig
    let logger: Logger

    /// Pulls the image if the policy wants it; `progress` gets lines for the person.
    func provide(
        _ image: String,
        platform: String,
        progress: @escaping @Sendable (String) -> Void
    ) async throws {
        let labels: Logger.Metadata = ["image": "\(image)"]
        logger.emit(.dockerImagePullNeededChecking, labels)
        switch config.execution.imagePullPolicy {
        case .never: return
        case .always: break
        case .ifNotPresent:
            logger.emit(.dockerImageListing, labels)
            if try await engine.hasImage(image) { return }
        }
        logger.emit(.dockerImagePull, labels)
        progress("Pulling the image of your session ...")
        let report = Mutex(PullProgress())
        try await engine.pullImage(
            ImageReference(image),
            credentials: config.execution.auth.credentials,
            platform: platform,
            silence: Self.silence
        ) { event in
            let line = report.withLock { $0.line(for: event, now: .now) }
            if let line { progress(line) }
        }
        progress("The image is there.")
    }
}

/// Turns the many events of a pull into a line every few seconds.
struct PullProgress {
    private static let interval = Duration.seconds(2)

    private var done: Set<String> = []
    private var seen: Set<String> = []
    private var last: ContinuousClock.Instant?

    mutating func line(for event: PullEvent, now: ContinuousClock.Instant) -> String? {
        guard let id = event.id, let status = event.status else { return nil }
        // The engine announces the tag under its own name first; that is no layer.
        guard !status.hasPrefix("Pulling from") else { return nil }
        seen.insert(id)
        if status == "Pull complete" || status == "Already exists" { done.insert(id) }
        if let last, now - last < Self.interval { return nil }
        defer { last = now }
        return last == nil ? nil : "Pulling: \(done.count) of \(seen.count) layers"
    }
}

extension DockerAuthConfig {
    var credentials: RegistryCredentials? {
        guard !isEmpty else { return nil }
        func value(_ text: String) -> String? { text.isEmpty ? nil : text }
        return RegistryCredentials(
            username: value(username),
            password: value(password.reveal()),
            auth: value(auth.reveal()),
            email: value(email),
            serverAddress: value(serverAddress),
            identityToken: value(identityToken.reveal()),
            registryToken: value(registryToken.reveal())
        )
    }
}
