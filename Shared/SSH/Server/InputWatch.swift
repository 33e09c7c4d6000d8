/// Who wants to know what becomes of the bytes that are read from a session channel.
package protocol InputWatch: Sendable {
    /// From now on `took` is called for all that is read, in order.
    func begin()

    /// The terminal took this much more of what was read; throws as the channel's `write` does.
    func took(_ input: TypedInput) async throws
}

/// What a terminal did with bytes that were typed.
package struct TypedInput: Sendable, Hashable {
    /// In bytes.
    package var count: Int
    /// The terminal showed nothing of them, as when it asks for a password.
    package var isHidden: Bool

    package init(count: Int, isHidden: Bool) {
        self.count = count
        self.isHidden = isHidden
    }
}
