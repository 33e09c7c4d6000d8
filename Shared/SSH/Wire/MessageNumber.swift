/// The message numbers this engine knows (RFC 4250 §4.1.2, RFC 8308, OpenSSH PROTOCOL §1.9).
package enum MessageNumber: UInt8, Sendable, Hashable, CaseIterable {
    case disconnect = 1
    case ignore = 2
    case unimplemented = 3
    case debug = 4
    case serviceRequest = 5
    case serviceAccept = 6
    case extensionInfo = 7
    case newCompress = 8

    case keyExchangeInit = 20
    case newKeys = 21
    /// KEX_ECDH_INIT and KEX_HYBRID_INIT (RFC 5656 §7.1).
    case keyExchangeMethodInit = 30
    case keyExchangeMethodReply = 31

    case userAuthRequest = 50
    case userAuthFailure = 51
    case userAuthSuccess = 52
    case userAuthBanner = 53
    /// PK_OK, INFO_REQUEST and PASSWD_CHANGEREQ: the method decides which (RFC 4252 §6).
    case userAuthMethod60 = 60
    /// INFO_RESPONSE and GSSAPI_TOKEN.
    case userAuthMethod61 = 61
    case userAuthMethod63 = 63
    case userAuthMethod64 = 64
    case userAuthMethod65 = 65
    case userAuthMethod66 = 66

    case globalRequest = 80
    case requestSuccess = 81
    case requestFailure = 82
    case channelOpen = 90
    case channelOpenConfirmation = 91
    case channelOpenFailure = 92
    case channelWindowAdjust = 93
    case channelData = 94
    case channelExtendedData = 95
    case channelEOF = 96
    case channelClose = 97
    case channelRequest = 98
    case channelSuccess = 99
    case channelFailure = 100

    case ping = 192
    case pong = 193
}
