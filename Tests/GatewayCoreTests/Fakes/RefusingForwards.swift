import SharedSSH

/// What the tests' innermost handlers answer where a test is about something else.
extension ServerConnectionHandler {
    func openForward(
        _ channel: any ByteChannel,
        to target: ForwardTarget
    ) async -> ChannelDecision<any ForwardHandler> {
        .refused(.administrativelyProhibited, text: "no forwards")
    }

    func listen(_ address: ForwardAddress) async -> ListenReply { .refused(text: "no listening") }

    func cancelListen(_ address: ForwardAddress) async -> Bool { false }

    func malformed(_ request: MalformedRequest) async {}
}
