import CProcess
import Glibc
import Testing

@testable import SandboxBackend

@Suite("Terminal modes of RFC 4254 §8")
struct TerminalModesTests {
    private static func entry(_ opcode: UInt8, _ value: UInt32) -> [UInt8] {
        unsafe [opcode] + withUnsafeBytes(of: value.bigEndian) { unsafe Array($0) }
    }

    private static func character(_ index: Int32, _ settings: termios) -> UInt8 {
        var settings = settings
        return unsafe withUnsafeBytes(of: &settings.c_cc) { unsafe $0[Int(index)] }
    }

    @Test("no modes give the kernel's own defaults")
    func givesDefaults() {
        let settings = TerminalModes.settings(applying: [])
        #expect(settings.c_lflag & tcflag_t(ECHO | ICANON | ISIG) == tcflag_t(ECHO | ICANON | ISIG))
        #expect(settings.c_iflag & tcflag_t(ICRNL) != 0)
        #expect(settings.c_oflag & tcflag_t(OPOST | ONLCR) == tcflag_t(OPOST | ONLCR))
        #expect(Self.character(VINTR, settings) == 3)
        #expect(Self.character(VERASE, settings) == 0x7F)
    }

    @Test("flags are switched off and on")
    func switchesFlags() {
        let modes = Self.entry(53, 0) + Self.entry(36, 0) + Self.entry(72, 0) + Self.entry(42, 1)
        let settings = TerminalModes.settings(applying: modes)
        #expect(settings.c_lflag & tcflag_t(ECHO) == 0)
        #expect(settings.c_iflag & tcflag_t(ICRNL) == 0)
        #expect(settings.c_oflag & tcflag_t(ONLCR) == 0)
        #expect(settings.c_iflag & tcflag_t(IUTF8) != 0)
        #expect(settings.c_lflag & tcflag_t(ICANON) != 0)
    }

    @Test("characters are set, 255 means that there is none")
    func setsCharacters() {
        let settings = TerminalModes.settings(applying: Self.entry(1, 0x18) + Self.entry(10, 255))
        #expect(Self.character(VINTR, settings) == 0x18)
        #expect(Self.character(VSUSP, settings) == 0)
    }

    @Test("speeds are taken where the kernel has them")
    func setsSpeeds() {
        let settings = TerminalModes.settings(
            applying: Self.entry(129, 9600) + Self.entry(128, 12345)
        )
        #expect(settings.c_ospeed == speed_t(B9600))
        #expect(settings.c_ispeed == speed_t(B38400))
    }

    @Test("reading stops at the end mark and at opcodes with another shape")
    func stopsAtEnd() {
        for stop: UInt8 in [0, 160, 255] {
            let settings = TerminalModes.settings(applying: [stop] + Self.entry(53, 0))
            #expect(settings.c_lflag & tcflag_t(ECHO) != 0)
        }
    }

    @Test("no bytes trap, at whatever length they are cut")
    func survivesAnything() {
        let modes = (0...255).flatMap { Self.entry(UInt8($0 % 160), UInt32($0) &* 0x0101_0101) }
        for length in 0...modes.count {
            _ = TerminalModes.settings(applying: Array(modes.prefix(length)))
        }
    }
}
