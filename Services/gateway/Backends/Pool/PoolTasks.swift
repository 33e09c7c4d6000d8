/// What a pool has under way. The end of the pool waits for all of it.
///
/// A task may be started under the lock that guards this: it ends itself under the same lock, so
/// it cannot do so before it is entered here.
struct PoolTasks {
    private var running: [UInt64: (task: Task<Void, Never>, isFilling: Bool)] = [:]
    private var lastNumber: UInt64 = 0

    var fillings: Int { running.values.count { $0.isFilling } }
    var any: Task<Void, Never>? { running.values.first?.task }

    mutating func startFilling(_ start: (UInt64) -> Task<Void, Never>) {
        lastNumber += 1
        running[lastNumber] = (start(lastNumber), true)
    }

    mutating func startDiscard(_ start: (UInt64) -> Task<Void, Never>) {
        lastNumber += 1
        running[lastNumber] = (start(lastNumber), false)
    }

    mutating func end(_ number: UInt64) { running[number] = nil }

    func cancelFillings() {
        for entry in running.values where entry.isFilling { entry.task.cancel() }
    }
}
