import NIOCore

/// A packet of the forwarding protocol that ContainerSSH's agent speaks, see
/// `docs/agent-protocol.md`.
struct ForwardPacket: Hashable {
    var kind: UInt64
    var id: UInt64
    var payload: ByteBuffer

    static let setup: UInt64 = 0
    static let success: UInt64 = 1
    static let error: UInt64 = 2
    static let data: UInt64 = 3
    static let newConnection: UInt64 = 4
    static let closeConnection: UInt64 = 5
    static let noMoreConnections: UInt64 = 6

    init(_ reader: inout CBORReader) throws(ForwardFault) {
        let fields = try reader.fields()
        kind = try fields.number("type")
        id = try fields.number("connectionid")
        payload = try fields.bytes("payload")
    }

    /// The packet's encoding; without a payload it is null.
    static func encode(_ kind: UInt64, _ id: UInt64 = 0, _ payload: ByteBuffer? = nil) -> ByteBuffer
    {
        var writer = CBORWriter(room: 48 + (payload?.readableBytes ?? 0))
        writer.map(3)
        writer.text("Type")
        writer.number(kind)
        writer.text("ConnectionId")
        writer.number(id)
        writer.text("Payload")
        if let payload { writer.string(payload) } else { writer.null() }
        return writer.bytes
    }
}

/// Takes packets out of a stream of bytes.
struct ForwardDecoder {
    private var bytes = ByteBuffer()

    /// What a packet has besides its payload.
    private static let mostOverhead = 4096

    mutating func add(_ more: ByteBuffer) {
        if bytes.readableBytes == 0 {
            bytes = more
        } else {
            bytes.discardReadBytes()
            bytes.writeImmutableBuffer(more)
        }
    }

    /// The next whole packet; `nil`: more has to come.
    mutating func next() throws(ForwardFault) -> ForwardPacket? {
        guard bytes.readableBytes > 0 else { return nil }
        var reader = CBORReader(bytes)
        do throws(ForwardFault) {
            let packet = try ForwardPacket(&reader)
            bytes = reader.rest
            return packet
        } catch .incomplete {
            guard bytes.readableBytes <= CBORReader.longest + Self.mostOverhead else {
                throw .invalid("a packet without end")
            }
            return nil
        }
    }
}

/// A place as the forwarding protocol says it.
enum ForwardPlace: Sendable, Hashable {
    /// An empty host means all interfaces; an IPv6 address has no brackets.
    case tcp(host: String, port: UInt16)
    case unixSocket(String)

    var family: String {
        switch self {
        case .tcp: "tcp"
        case .unixSocket: "unix"
        }
    }

    /// The reader joins it to the port with a colon.
    var host: String {
        switch self {
        case .tcp(let host, _): host.contains(":") ? "[\(host)]" : host
        case .unixSocket(let path): path
        }
    }

    var port: UInt16 {
        if case .tcp(_, let port) = self { return port }
        return 0
    }
}

/// What a forwarding agent is for, its first packet.
enum ForwardSetup: Sendable {
    case dial
    case listen(ForwardPlace)

    var packet: ByteBuffer {
        var writer = CBORWriter(room: 160)
        writer.map(8)
        writer.text("ConnectionType")
        switch self {
        case .dial: writer.number(2)
        case .listen: writer.number(1)
        }
        writer.text("BindHost")
        writer.text(place?.host ?? "")
        writer.text("BindPort")
        writer.number(UInt64(place?.port ?? 0))
        writer.text("Protocol")
        writer.text(place?.family ?? "")
        writer.text("Screen")
        writer.text("")
        writer.text("SingleConnection")
        writer.truth(false)
        writer.text("AuthProtocol")
        writer.text("")
        writer.text("AuthCookie")
        writer.text("")
        return ForwardPacket.encode(ForwardPacket.setup, 0, writer.bytes)
    }

    private var place: ForwardPlace? {
        if case .listen(let place) = self { return place }
        return nil
    }
}

/// Where a connection leads and who made it: the payload of NEW_CONNECTION.
struct ForwardOrigin: Sendable, Hashable {
    var host: String
    var port: UInt16

    /// Of a connection that an agent has accepted; without an address for Unix sockets.
    init(_ payload: ByteBuffer) throws(ForwardFault) {
        var reader = CBORReader(payload)
        let fields: [String: CBORValue]
        do throws(ForwardFault) {
            fields = try reader.fields()
        } catch {
            throw .invalid("a connection without its places")
        }
        host = String(try fields.text("originatoraddress").prefix(Self.longestHost))
        port = UInt16(truncatingIfNeeded: try fields.number("originatorport"))
    }

    private static let longestHost = 64

    /// Asks for a connection to `place`, for a client that may have an address.
    static func request(
        _ place: ForwardPlace,
        from host: String = "",
        _ port: UInt16 = 0
    ) -> ByteBuffer {
        var writer = CBORWriter(room: 160)
        writer.map(5)
        writer.text("Protocol")
        writer.text(place.family)
        writer.text("ConnectedAddress")
        writer.text(place.host)
        writer.text("ConnectedPort")
        writer.number(UInt64(place.port))
        writer.text("OriginatorAddress")
        writer.text(host)
        writer.text("OriginatorPort")
        writer.number(UInt64(port))
        return writer.bytes
    }
}
