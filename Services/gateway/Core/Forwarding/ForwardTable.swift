import Logging
import NIOCore
import SharedLogging
import SharedMessages
import SharedSSH

/// The places where connections are accepted for one client, and the connections that came.
///
/// Lives on the connection's event loop.
actor ForwardTable {
    /// What is told the client about a connection, by where that came from.
    typealias Opening = @Sendable (AcceptedStream) -> ServerChannelOpening

    private struct Place {
        let listener: any WorkspaceListener
        let task: Task<Void, Never>
    }

    private nonisolated let eventLoop: any EventLoop
    private let control: any ServerConnectionControl
    private let logger: Logger
    private var places: [UInt64: Place] = [:]
    private var addresses: [ForwardAddress: UInt64] = [:]
    private var lastPlace: UInt64 = 0
    private var isClosed = false

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        // The loop is kept alive by this actor.
        unsafe eventLoop.executor.asUnownedSerialExecutor()
    }

    init(
        on eventLoop: any EventLoop,
        control: any ServerConnectionControl,
        logger: Logger
    ) {
        self.eventLoop = eventLoop
        self.control = control
        self.logger = logger
    }

    // MARK: - Places

    /// Whether the client already listens at `address`; port 0 is never taken.
    func isTaken(_ address: ForwardAddress) -> Bool { addresses[address] != nil }

    /// Accepts connections for the client from now on, each as a channel of `opening`.
    ///
    /// `address` names the place for `cancel`. After `mostConnections` the place is closed. Returns
    /// its number; `nil` when the connection is over, and the listener is closed then.
    func serve(
        _ listener: any WorkspaceListener,
        as address: ForwardAddress? = nil,
        mostConnections: Int = .max,
        labels: Logger.Metadata,
        opening: @escaping Opening
    ) async -> UInt64? {
        guard !isClosed else {
            await listener.close()
            return nil
        }
        lastPlace += 1
        let number = lastPlace
        if let address { addresses[address] = number }
        var logger = logger
        for (name, value) in labels { logger[metadataKey: name] = value }
        let acceptor = ForwardAcceptor(
            listener: listener,
            control: control,
            mostConnections: mostConnections,
            logger: logger,
            opening: opening
        )
        places[number] = Place(
            listener: listener,
            task: Task {
                await acceptor.run()
                self.ended(number)
            }
        )
        return number
    }

    /// Accepts no more at the address; connections that exist stay. `false` if nobody listens.
    func cancel(_ address: ForwardAddress) async -> Bool {
        guard let number = addresses.removeValue(forKey: address) else { return false }
        await stop(number)
        return true
    }

    /// Accepts no more at the place of this number; connections that exist stay.
    func stop(_ number: UInt64) async {
        await places[number]?.listener.close()
    }

    /// Ends all places and their connections; returns when nothing of them is left.
    func close() async {
        isClosed = true
        addresses = [:]
        let open = Array(places.values)
        for place in open { place.task.cancel() }
        for place in open {
            await place.listener.close()
            await place.task.value
        }
    }

    private func ended(_ number: UInt64) {
        places[number] = nil
        for (address, place) in addresses where place == number { addresses[address] = nil }
    }
}
