/// A container that stays, from one start of it to its end.
struct LastingRun: Sendable, Hashable {
    let id: String
    let startedAt: String
}
