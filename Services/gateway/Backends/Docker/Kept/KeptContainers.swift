import GatewayCore
import Logging
import SharedConfig
import SharedLogging
import SharedMessages

/// Containers whose connection has ended, and which wait for the same person to come back.
///
/// They end with this gateway, as all that it holds: nobody else could find them.
actor KeptContainers {
    struct Owner: Hashable, Sendable {
        let username: String
        let authenticatedUsername: String
    }

    /// A container, and the programs in it that go on.
    struct Left: Sendable {
        let workspace: any ContainerWorkspace
        let screens: [KeptScreen]
    }

    private struct Kept {
        let left: Left
        let timer: Task<Void, Never>
        let number: UInt64
    }

    /// Far more than people who lose their network at a time.
    private static let most = 256

    private let time: Duration
    private let logger: Logger
    private var kept: [Owner: Kept] = [:]
    private var lastNumber: UInt64 = 0

    init(time: Duration, logger: Logger) {
        self.time = time
        self.logger = logger
    }

    /// What the owner left, if it still runs; it is theirs alone from now on.
    func take(_ owner: Owner) async -> Left? {
        guard let found = kept.removeValue(forKey: owner) else { return nil }
        found.timer.cancel()
        let workspace = found.left.workspace
        guard workspace.isAlive, await workspace.answers() else {
            await workspace.close()
            return nil
        }
        return found.left
    }

    /// Keeps a container, whose other programs have been ended, for a while. One that the owner
    /// left before ends now.
    func keep(_ left: Left, for owner: Owner) async {
        lastNumber += 1
        let number = lastNumber
        let timer = Task {
            // Cancelled: somebody has taken it, or ends it.
            guard (try? await Task.sleep(for: time)) != nil else { return }
            await expire(owner, number)
        }
        let previous = kept.updateValue(
            Kept(left: left, timer: timer, number: number),
            forKey: owner
        )
        logger.emit(.dockerContainerKept, ["container": "\(left.workspace.containerID)"])
        if let previous { await end(previous) }
        if kept.count > Self.most, let oldest = kept.min(by: { $0.value.number < $1.value.number })
        {
            kept[oldest.key] = nil
            await end(oldest.value)
        }
    }

    private func expire(_ owner: Owner, _ number: UInt64) async {
        guard let found = kept[owner], found.number == number else { return }
        kept[owner] = nil
        await found.left.workspace.close()
    }

    private func end(_ kept: Kept) async {
        kept.timer.cancel()
        await kept.left.workspace.close()
    }
}
