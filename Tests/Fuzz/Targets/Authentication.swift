import NIOCore
import SharedSSH

/// The authentication protocol with a handler that decides anything.
enum Authentication {
    static func run(_ input: inout FuzzInput) {
        var settings = AuthenticationSettings()
        settings.userKeyAlgorithms =
            (UserKeyAlgorithm.plain + UserKeyAlgorithm.certificates).map(\.name)
        var machine = AuthenticationMachine(
            sessionID: [UInt8](repeating: 7, count: 32),
            settings: settings
        )
        var wasAccepted = false
        while !input.isEmpty {
            var actions = machine.received(input.message())
            while let ask = actions.first(where: { if case .ask = $0 { true } else { false } }) {
                guard case .ask(let attempt) = ask else { break }
                let verdict = verdict(input.byte(), attempt)
                if case .accepted = verdict, !isProbe(attempt) { wasAccepted = true }
                actions = machine.answered(verdict)
            }
            precondition(!machine.isDone || wasAccepted, "a login that nobody accepted")
        }
    }

    private static func isProbe(_ attempt: AuthenticationAttempt) -> Bool {
        if case .publicKeyProbe = attempt.method { true } else { false }
    }

    private static func verdict(
        _ byte: UInt8,
        _ attempt: AuthenticationAttempt
    ) -> AuthenticationVerdict {
        switch byte % 6 {
        case 0: .accepted
        case 1: .refused(methods: ["publickey", "keyboard-interactive"])
        case 2: .refused(methods: [], text: "No.")
        case 3: .partial(methods: ["password"])
        case 4: .challenge(KeyboardChallenge(prompts: [.init("Code: ", echo: false)]))
        default: .disconnect(ServerRefusal(reason: .byApplication, text: "Enough."))
        }
    }
}
