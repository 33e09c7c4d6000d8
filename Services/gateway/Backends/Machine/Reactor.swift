import CProcess
import Foundation
import Synchronization
package import SharedSystem

/// One thread that watches descriptors and starts processes.
///
/// The kernel ends a sandbox when the *thread* that started it ends (prctl(2),
/// PR_SET_PDEATHSIG), so a sandbox is started here and nowhere else. Handlers run on this thread
/// and must not wait.
package final class Reactor: Sendable {
    private let core: ReactorCore

    /// Starts the thread; `name` is at most 15 bytes long.
    package init(name: String) throws {
        core = try ReactorCore()
        let core = core
        let thread = Thread { core.run() }
        thread.name = name
        thread.start()
    }

    deinit { core.stop() }

    /// Runs `job` on the thread.
    package func perform<Value: Sendable>(
        _ job: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            core.enqueue { continuation.resume(with: Result { try job() }) }
        }
    }

    /// Calls `handler` whenever `descriptor` is readable or at its end, until `ignore`.
    package func watch(
        _ descriptor: Descriptor,
        _ handler: @escaping @Sendable () -> Void
    ) throws -> UInt64 {
        try core.watch(descriptor, writable: false, handler)
    }

    /// Calls `handler` whenever `descriptor`, which nobody else watches, takes something, until
    /// `ignore`.
    package func watchRoom(
        _ descriptor: Descriptor,
        _ handler: @escaping @Sendable () -> Void
    ) throws -> UInt64 {
        try core.watch(descriptor, writable: true, handler)
    }

    package func ignore(_ token: UInt64) { core.ignore(token) }
}

private final class ReactorCore: Sendable {
    private struct Watched {
        // Kept open as long as the kernel may report it.
        var descriptor: Descriptor
        var handler: @Sendable () -> Void
    }

    private struct State {
        var jobs: [@Sendable () -> Void] = []
        var watched: [UInt64: Watched] = [:]
        var nextToken: UInt64 = 1
        var isStopped = false
    }

    private let state = Mutex(State())
    private let epoll: Descriptor
    private let bell: Descriptor

    init() throws {
        epoll = Descriptor(try SystemFailure.result("epoll_create1", berth_epoll_create()))
        bell = Descriptor(try SystemFailure.result("eventfd", berth_bell_create()))
        try add(bell, token: 0, writable: false)
    }

    func enqueue(_ job: @escaping @Sendable () -> Void) {
        state.withLock { $0.jobs.append(job) }
        ring()
    }

    func stop() {
        state.withLock { $0.isStopped = true }
        ring()
    }

    func watch(
        _ descriptor: Descriptor,
        writable: Bool,
        _ handler: @escaping @Sendable () -> Void
    ) throws -> UInt64 {
        let token = state.withLock { state in
            defer { state.nextToken += 1 }
            state.watched[state.nextToken] = Watched(descriptor: descriptor, handler: handler)
            return state.nextToken
        }
        do {
            try add(descriptor, token: token, writable: writable)
        } catch {
            ignore(token)
            throw error
        }
        return token
    }

    func ignore(_ token: UInt64) {
        guard let watched = state.withLock({ $0.watched.removeValue(forKey: token) }) else {
            return
        }
        // Fails only for a descriptor that was never added.
        _ = berth_epoll_remove(epoll.number, watched.descriptor.number)
    }

    func run() {
        var tokens = [UInt64](repeating: 0, count: 64)
        while !state.withLock({ $0.isStopped }) {
            let count = unsafe berth_epoll_wait(epoll.number, &tokens, Int32(tokens.count))
            for token in tokens.prefix(Int(max(count, 0))) { deliver(token) }
        }
    }

    private func deliver(_ token: UInt64) {
        guard token != 0 else { return runJobs() }
        let handler = state.withLock { $0.watched[token]?.handler }
        handler?()
    }

    private func runJobs() {
        _ = berth_bell_quiet(bell.number)
        let jobs = state.withLock { state in
            defer { state.jobs = [] }
            return state.jobs
        }
        for job in jobs { job() }
    }

    private func ring() { _ = berth_bell_ring(bell.number) }

    private func add(_ descriptor: Descriptor, token: UInt64, writable: Bool) throws {
        _ = try SystemFailure.result(
            "epoll_ctl",
            berth_epoll_add(epoll.number, descriptor.number, token, writable ? 1 : 0)
        )
    }
}
