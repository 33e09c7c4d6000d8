import CCurl
import Foundation
import Synchronization

/// Runs the transfers of one client on a thread of its own, over one libcurl multi handle, which
/// keeps connections for reuse.
///
/// `@unchecked Sendable`: `multi` and `active` are touched only by the thread that `init` starts;
/// the exception is curl_multi_wakeup(3), which libcurl allows from any thread and which is called
/// under the inbox's lock while the handle is known to exist.
@safe final class CurlLoop: @unchecked Sendable {
    private enum Order {
        case start(CurlTransfer)
        case cancel(CurlTransfer)
        case resume(CurlTransfer)
    }

    private struct Inbox {
        var orders: [Order] = []
        /// Transfers started and not yet ended.
        var calls = 0
        var isStopped = false
        var isGone = false
    }

    private let inbox = Mutex(Inbox())
    private let maximumCalls: Int
    private let multi: UnsafeMutableRawPointer
    private var active: [UnsafeMutableRawPointer: CurlTransfer] = unsafe [:]

    /// curl_global_init(3) once per process, before any other call.
    private static let isLibraryReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    init(maximumConnections: Int, maximumCalls: Int) throws(CurlFailure) {
        guard Self.isLibraryReady, let multi = unsafe curl_multi_init() else {
            throw CurlFailure(number: CURLE_FAILED_INIT.rawValue, text: "libcurl does not start")
        }
        unsafe self.multi = multi
        self.maximumCalls = maximumCalls
        _ = unsafe berth_curl_multi_set_long(
            multi,
            CURLMOPT_MAX_TOTAL_CONNECTIONS,
            maximumConnections
        )
        _ = unsafe berth_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, maximumConnections)
        let thread = Thread { self.run() }
        thread.name = "http-client"
        thread.stackSize = 512 << 10
        thread.start()
    }

    /// Starts a transfer; answers `false` when there are too many or the loop has stopped.
    func start(_ transfer: CurlTransfer) -> Bool {
        inbox.withLock { inbox in
            guard !inbox.isStopped, inbox.calls < maximumCalls else { return false }
            inbox.calls += 1
            inbox.orders.append(.start(transfer))
            wake(inbox)
            return true
        }
    }

    /// Ends a transfer at once, from any thread; harmless when it has ended.
    func cancel(_ transfer: CurlTransfer) {
        transfer.stream.finish(.failure(CancellationError()))
        post(.cancel(transfer))
    }

    /// Goes on reading a transfer that was paused for its reader.
    func resume(_ transfer: CurlTransfer) { post(.resume(transfer)) }

    /// Fails everything under way and ends the thread.
    func stop() {
        inbox.withLock { inbox in
            inbox.isStopped = true
            wake(inbox)
        }
    }

    private func post(_ order: Order) {
        inbox.withLock { inbox in
            guard !inbox.isStopped else { return }
            inbox.orders.append(order)
            wake(inbox)
        }
    }

    private func wake(_ inbox: borrowing Inbox) {
        if !inbox.isGone { _ = unsafe curl_multi_wakeup(multi) }
    }

    // MARK: On the thread

    private func run() {
        while true {
            let (orders, isStopped) = inbox.withLock { inbox in
                defer { inbox.orders = [] }
                return (inbox.orders, inbox.isStopped)
            }
            orders.forEach(perform)
            if isStopped { break }
            var running: Int32 = 0
            _ = unsafe curl_multi_perform(multi, &running)
            collect()
            // A wakeup or a timer of a transfer ends the wait early.
            _ = unsafe curl_multi_poll(multi, nil, 0, 60_000, nil)
        }
        for transfer in unsafe Array(active.values) {
            end(transfer) { $0.finish(CURLE_ABORTED_BY_CALLBACK) }
        }
        inbox.withLock { $0.isGone = true }
        _ = unsafe curl_multi_cleanup(multi)
    }

    private func perform(_ order: Order) {
        switch order {
        case .start(let transfer): begin(transfer)
        case .cancel(let transfer): end(transfer) { _ in }
        case .resume(let transfer):
            if let easy = unsafe transfer.easy { _ = unsafe curl_easy_pause(easy, CURLPAUSE_CONT) }
        }
    }

    private func begin(_ transfer: CurlTransfer) {
        do {
            let easy = unsafe try transfer.open()
            unsafe active[easy] = transfer
            let code = unsafe curl_multi_add_handle(multi, easy)
            guard code == CURLM_OK else {
                throw CurlFailure(
                    number: CURLE_FAILED_INIT.rawValue,
                    text: "multi \(code.rawValue)"
                )
            }
        } catch {
            end(transfer) { $0.stream.finish(.failure(error)) }
        }
    }

    private func collect() {
        var left: Int32 = 0
        while let message = unsafe curl_multi_info_read(multi, &left) {
            guard unsafe message.pointee.msg == CURLMSG_DONE,
                let easy = unsafe message.pointee.easy_handle,
                let transfer = unsafe active[easy]
            else { continue }
            let code = unsafe berth_curl_message_result(message)
            end(transfer) { $0.finish(code) }
        }
    }

    /// Does nothing for a transfer that has ended, as a late cancellation finds it.
    private func end(_ transfer: CurlTransfer, _ tell: (CurlTransfer) -> Void) {
        guard !transfer.isEnded else { return }
        if let easy = unsafe transfer.easy {
            _ = unsafe curl_multi_remove_handle(multi, easy)
            unsafe active[easy] = nil
        }
        transfer.close()
        inbox.withLock { $0.calls -= 1 }
        tell(transfer)
    }
}
