import GatewayCore
import NIOCore
import SharedSSH

/// Proofs about places inside a workspace where connections are accepted.
enum ListenProofs {
    static func portZeroBecomesAPort(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let (one, _) = try await workspace.listenAnywhere()
            let (two, _) = try await workspace.listenAnywhere()
            try claim("both have ports", one.boundPort ?? 0 > 0 && two.boundPort ?? 0 > 0)
            try claim("of their own", one.boundPort != two.boundPort)
        }
    }

    static func takenPortIsRefused(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let (listener, place) = try await workspace.listenAnywhere()
            guard case .tcp(let host, let port) = place else { return }
            try await claimThrows("a taken port is refused") {
                _ = try await workspace.listen(.tcp(host: host, port: port))
            }
            await listener.close()
            let again = try await workspace.listen(.tcp(host: host, port: port))
            try claim("a port that was given up is free", again.boundPort == port)
        }
    }

    static func localhostIsBothFamilies(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            for host in ["localhost", ""] {
                let listener = try await workspace.listen(.tcp(host: host, port: 0))
                guard let port = listener.boundPort else { throw ConformanceFailure("a port") }
                for address in ["127.0.0.1", "::1"] {
                    let place = DialDestination.tcp(host: address, port: port)
                    let (near, far) = try await workspace.connection(to: listener, at: place)
                    try await near.say("x")
                    try claim("\(address) leads there", try await far.stream.hear(1) == "x")
                    try claim("and is told", far.originator?.host == address)
                    await near.close()
                    await far.stream.close()
                }
                await listener.close()
            }
        }
    }

    static func socketListens(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let path = "/tmp/listening.sock"
            let listener = try await workspace.listen(.unixSocket(path: path))
            try claim("it has no port", listener.boundPort == nil)
            let (near, far) = try await workspace.connection(
                to: listener,
                at: .unixSocket(path: path)
            )
            try await near.say("through")
            try claim("bytes go through", try await far.stream.hear(7) == "through")
            await near.close()
            let seen = try await workspace.run("test -S \(path) && stat -c %a \(path)")
            try claim("its owner's alone", seen.output == "600\n", seen: "\(seen)")
            try await claimThrows("a taken path is refused") {
                _ = try await workspace.listen(.unixSocket(path: path))
            }
            await listener.close()
            guard !subject.isRelay else { return }
            try await eventually(subject.patience, "the socket is removed") {
                try await workspace.run("test -e \(path)").exit == .status(1)
            }
        }
    }

    static func agentSocketIsAnnounced(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let listener = try await workspace.listen(.agent)
            let environment = listener.environment
            if subject.isRelay { return try await findsAgent(workspace, environment) }
            guard let path = environment.first(where: { $0.name == "SSH_AUTH_SOCK" })?.value else {
                throw ConformanceFailure("SSH_AUTH_SOCK is told; seen: \(environment)")
            }
            let seen = try await workspace.run(
                "test -S \"$SSH_AUTH_SOCK\" && echo there",
                environment: environment.map { ($0.name, RawText($0.value)) }
            )
            try claim("programs find the socket", seen.output == "there\n", seen: "\(seen)")
            let (near, far) = try await workspace.connection(
                to: listener,
                at: .unixSocket(path: path)
            )
            try await near.say("agent?")
            try claim("it leads to the listener", try await far.stream.hear(6) == "agent?")
            let second = try await workspace.listen(.agent)
            try claim("a second one is another", second.environment.map(\.value) != [path])
        }
    }

    /// A program that is started with the listener's variables has an agent, one before it has none.
    private static func findsAgent(
        _ workspace: any Workspace,
        _ environment: [(name: String, value: String)]
    ) async throws {
        let command = "test -S \"$SSH_AUTH_SOCK\" && echo there || echo none"
        // First: sshd tells every session after one that asked for it.
        let other = try await workspace.run(command)
        try claim("another does not", other.output == "none\n", seen: "\(other)")
        let seen = try await workspace.run(
            command,
            environment: environment.map { ($0.name, RawText($0.value)) }
        )
        try claim("the program finds the socket", seen.output == "there\n", seen: "\(seen)")
    }

    /// The same of a display and its cookie.
    private static func findsDisplay(
        _ workspace: any Workspace,
        _ environment: [(name: String, value: String)]
    ) async throws {
        let seen = try await workspace.run(
            "xauth list \"$DISPLAY\"",
            environment: environment.map { ($0.name, RawText($0.value)) }
        )
        try claim("the program finds the cookie", seen.output.contains(x11.cookie), seen: "\(seen)")
        let other = try await workspace.run("echo ${DISPLAY-none}")
        try claim("another has no display", other.output == "none\n", seen: "\(other)")
    }

    private static let x11 = X11Request(
        isSingleConnection: false,
        protocolName: "MIT-MAGIC-COOKIE-1",
        cookie: "00112233445566778899aabbccddeeff",
        screen: 0
    )

    static func displayIsAnnounced(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let one = try await workspace.listen(.x11(x11))
            if subject.isRelay { return try await findsDisplay(workspace, one.environment) }
            let two = try await workspace.listen(.x11(x11))
            let displays = [one, two].compactMap { listener in
                listener.environment.first { $0.name == "DISPLAY" }?.value
            }
            try claim("each has a display", Set(displays).count == 2, seen: "\(displays)")
            let seen = try await workspace.run(
                "od -An -v -tx1 \"$XAUTHORITY\" | tr -d ' \\n'",
                environment: one.environment.map { ($0.name, RawText($0.value)) }
            )
            try claim("programs find the cookie", seen.output.contains(x11.cookie), seen: "\(seen)")
        }
    }

    static func malformedCookieIsRefused(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            for cookie in ["0g", "123"] {
                var request = x11
                request.cookie = cookie
                try await claimThrows("the cookie \(cookie) is refused") {
                    _ = try await workspace.listen(.x11(request))
                }
            }
        }
    }

    static func closedListenerIsGone(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let (listener, place) = try await workspace.listenAnywhere()
            let (near, far) = try await workspace.connection(to: listener, at: place)
            async let waiting = listener.accept()
            await listener.close()
            let told = try await waiting
            try claim("who waits is told", told?.stream == nil)
            let late = try await listener.accept()
            try claim("so is who comes later", late?.stream == nil)
            try await claimThrows("nobody can connect any more") {
                let stream = try await workspace.dial(place)
                await stream.close()
            }
            try await near.say("still")
            try claim("what was accepted stays", try await far.stream.hear(5) == "still")
            await listener.close()
        }
    }

    static func cancelledAcceptStops(_ subject: ConformanceSubject) async throws {
        try await subject.withWorkspace { workspace in
            let (listener, place) = try await workspace.listenAnywhere()
            let accepting = Task { try await listener.accept() }
            await Task.yield()
            accepting.cancel()
            if case .success(let accepted) = await accepting.result {
                throw ConformanceFailure(
                    "a cancelled accept throws; seen: \(accepted?.stream == nil)"
                )
            }
            let (near, far) = try await workspace.connection(to: listener, at: place)
            try await near.say("x")
            try claim("the listener lives on", try await far.stream.hear(1) == "x")
        }
    }

    static func workspaceEndsItsListeners(_ subject: ConformanceSubject) async throws {
        let workspace = try await subject.open(ConformanceSubject.newConnectionID())
        let (listener, _) = try await workspace.listenAnywhere()
        async let waiting = listener.accept()
        await workspace.close()
        // An error is an end too.
        let accepted = try? await waiting
        try claim("a listener ends with its workspace", accepted?.stream == nil)
        try await claimThrows("a closed workspace listens nowhere") {
            _ = try await workspace.listen(.tcp(host: "127.0.0.1", port: 0))
        }
    }
}
