package import SharedSSH

/// Keeps what a terminal tells of its input from filling the queue of an output that nobody reads.
package struct LateInput: Sendable {
    /// That stand in the queue.
    private static let most = 4096

    private var count = 0
    private var late: TypedInput?

    package init() {}

    /// Whether there is room in the queue; what has none waits for the queue's end, and is hidden
    /// if any of it is.
    package mutating func admit(_ input: TypedInput) -> Bool {
        guard let waiting = late else {
            guard count < Self.most else {
                late = input
                return false
            }
            count += 1
            return true
        }
        late = TypedInput(
            count: waiting.count + input.count,
            isHidden: waiting.isHidden || input.isHidden
        )
        return false
    }

    /// One that stood in the queue was taken.
    package mutating func left() { count -= 1 }

    /// What waited; for when the queue is empty.
    package mutating func take() -> TypedInput? { late.take() }
}
