/// A packet of ContainerSSH's forwarding protocol: one CBOR map in each direction after the other.
struct ForwardPacket {
    var kind: UInt64
    var id: UInt64
    var payload: ArraySlice<UInt8>

    static let setup: UInt64 = 0
    static let success: UInt64 = 1
    static let error: UInt64 = 2
    static let data: UInt64 = 3
    static let newConnection: UInt64 = 4
    static let closeConnection: UInt64 = 5
    static let noMoreConnections: UInt64 = 6

    init(_ reader: inout CBORReader) throws(CBORFault) {
        let fields = try reader.fields()
        kind = try fields.number("type", atMost: 255)
        id = try fields.number("connectionid", atMost: UInt64.max)
        payload = try fields.bytes("payload")
    }

    /// The packet's encoding; without a payload it is null.
    static func encode(_ kind: UInt64, _ id: UInt64, _ payload: ArraySlice<UInt8>? = nil) -> [UInt8]
    {
        var writer = CBORWriter()
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

/// What a forwarding agent is for.
struct ForwardSetup {
    var kind: UInt64
    var host: [UInt8]
    var port: UInt16
    var family: Int32
    var screen: [UInt8]
    var takesOne: Bool
    var authProtocol: [UInt8]
    var authCookie: [UInt8]

    static let x11: UInt64 = 0
    static let dials: [UInt64] = [2, 4]
    static let highestKind: UInt64 = 4

    init(_ payload: ArraySlice<UInt8>) throws(CBORFault) {
        var reader = CBORReader(payload)
        let fields = try reader.fields()
        kind = try fields.number("connectiontype", atMost: Self.highestKind)
        host = unbracketed(try fields.text("bindhost"))
        port = UInt16(truncatingIfNeeded: try fields.number("bindport", atMost: 65_535))
        family = try fields.text("protocol") == bytes("unix") ? 2 : 1
        screen = try fields.text("screen")
        takesOne = try fields.truth("singleconnection")
        authProtocol = try fields.text("authprotocol")
        authCookie = try fields.text("authcookie")
    }
}

/// Where a connection leads and where it comes from.
struct ForwardTarget {
    var family: Int32
    var host: [UInt8]
    var port: UInt16

    init(_ payload: ArraySlice<UInt8>) throws(CBORFault) {
        var reader = CBORReader(payload)
        let fields = try reader.fields()
        family = try fields.text("protocol") == bytes("unix") ? 2 : 1
        host = unbracketed(try fields.text("connectedaddress"))
        port = UInt16(truncatingIfNeeded: try fields.number("connectedport", atMost: 65_535))
    }

    static func encode(
        _ setup: ForwardSetup,
        originator: [UInt8],
        originatorPort: UInt16
    ) -> [UInt8] {
        var writer = CBORWriter()
        writer.map(5)
        writer.text("Protocol")
        writer.text(setup.family == 2 ? "unix" : "tcp")
        writer.text("ConnectedAddress")
        writer.text(setup.host)
        writer.text("ConnectedPort")
        writer.number(UInt64(setup.port))
        writer.text("OriginatorAddress")
        writer.text(originator)
        writer.text("OriginatorPort")
        writer.number(UInt64(originatorPort))
        return writer.bytes
    }
}

/// IPv6 addresses may stand in brackets, as before a port.
private func unbracketed(_ host: [UInt8]) -> [UInt8] {
    guard host.first == UInt8(ascii: "["), host.last == UInt8(ascii: "]") else { return host }
    return Array(host.dropFirst().dropLast())
}
