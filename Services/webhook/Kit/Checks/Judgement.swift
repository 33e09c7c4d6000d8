import SharedConfig

/// What checks say about an answer.
extension Answer {
    /// A reply in order; remarks are warnings.
    var inOrder: CheckOutcome {
        guard status == 200 else { return .failed("status \(status), not 200") }
        guard faults.isEmpty else { return .failed(faults.joined(separator: "; ")) }
        return remarks.isEmpty ? .passed : .warned(remarks.joined(separator: "; "))
    }

    /// A verdict that is yes and names somebody.
    var accepted: CheckOutcome {
        guard status == 200, faults.isEmpty else { return inOrder }
        guard isSuccess else { return .failed("refused: \(verdict)") }
        guard case .string(let name) = tree?["authenticatedUsername"], !name.isEmpty else {
            return .warned("no authenticatedUsername: the identity stays empty")
        }
        return inOrder
    }

    /// A verdict that is no.
    var refused: CheckOutcome {
        if isSuccess { return .failed("accepted: \(verdict)") }
        guard status == 200 else {
            return (400...499).contains(status)
                ? .warned("status \(status): also a refusal, but ContainerSSH asks again for 60 s")
                : .failed("status \(status), not 200")
        }
        return inOrder
    }

    /// What nobody would say yes to, refused in whichever way.
    func rejected(_ endpoint: WebhookEndpoint) -> CheckOutcome {
        if (400...499).contains(status) { return .passed }
        let isAnswer = status == 200 || endpoint == .session && (200...299).contains(status)
        guard isAnswer else { return .failed("status \(status), not 4xx") }
        guard endpoint.isVerdict else {
            return .warned("status \(status): what no gateway would send is taken for a question")
        }
        if isSuccess { return .failed("accepted: \(verdict)") }
        return tree?["challenge"] == nil ? inOrder : .passed
    }

    /// A question in order, however odd: an answer in order, or a refusal.
    func handled(_ endpoint: WebhookEndpoint) -> CheckOutcome {
        if (400...499).contains(status) { return .passed }
        if status == 200, isSuccess { return .failed("accepted: \(verdict)") }
        if endpoint == .session, (200...299).contains(status) { return .passed }
        return inOrder
    }
}
