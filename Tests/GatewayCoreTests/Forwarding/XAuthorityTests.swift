import SharedSSH
import Testing

@testable import GatewayCore

@Suite("The file with the display's cookie")
struct XAuthorityTests {
    private func request(_ cookie: String) -> X11Request {
        X11Request(isSingleConnection: false, protocolName: "M", cookie: cookie, screen: 0)
    }

    /// As xauth(1) reads it: family, address, number, name and data, each after its length.
    @Test("it has the bytes of Xau's format")
    func bytes() {
        let file = XAuthority.file(for: request("00Ff"), hostname: "box", display: 10)
        #expect(
            file == [
                1, 0, 0, 3, 0x62, 0x6F, 0x78, 0, 2, 0x31, 0x30, 0, 1, 0x4D, 0, 2, 0x00, 0xFF,
            ]
        )
    }

    @Test(
        "a cookie that is not pairs of hexadecimal digits has none",
        arguments: [
            "0", "abc", "0g", "zz", "0x", "١٢",
        ]
    )
    func malformed(cookie: String) {
        #expect(XAuthority.file(for: request(cookie), hostname: "box", display: 10) == nil)
    }
}
