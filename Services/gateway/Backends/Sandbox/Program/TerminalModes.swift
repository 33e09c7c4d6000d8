import CProcess
import Glibc

/// Terminal settings from the modes of a `pty-req` (RFC 4254 §8).
enum TerminalModes {
    /// A fresh terminal's settings (termios(3), the kernel's defaults) with `modes` applied.
    ///
    /// Unknown opcodes are skipped, as are those the kernel has no bit for; reading stops at
    /// opcode 0, at one above 159, and where the bytes end too soon.
    static func settings(applying modes: [UInt8]) -> termios {
        var settings = standard
        var rest = modes[...]
        while let opcode = rest.popFirst(), opcode != 0, opcode < 160, rest.count >= 4 {
            let value = rest.prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            rest.removeFirst(4)
            apply(opcode, value, to: &settings)
        }
        return settings
    }

    private static var standard: termios {
        var settings = termios()
        settings.c_iflag = tcflag_t(ICRNL | IXON)
        settings.c_oflag = tcflag_t(OPOST | ONLCR)
        settings.c_cflag = tcflag_t(CS8 | CREAD) | tcflag_t(B38400)
        settings.c_lflag =
            tcflag_t(ISIG | ICANON | ECHO | ECHOE | ECHOK | IEXTEN)
            | tcflag_t(ECHOCTL | ECHOKE)
        settings.c_ispeed = speed_t(B38400)
        settings.c_ospeed = speed_t(B38400)
        for (index, character) in standardCharacters {
            set(index, character, &settings)
        }
        return settings
    }

    private static let standardCharacters: [(Int32, UInt8)] = [
        (VINTR, 0x03), (VQUIT, 0x1C), (VERASE, 0x7F), (VKILL, 0x15), (VEOF, 0x04), (VMIN, 1),
        (VSTART, 0x11), (VSTOP, 0x13), (VSUSP, 0x1A), (VREPRINT, 0x12), (VDISCARD, 0x0F),
        (VWERASE, 0x17), (VLNEXT, 0x16),
    ]

    private static func apply(_ opcode: UInt8, _ value: UInt32, to settings: inout termios) {
        if let index = characters[opcode] {
            // 255 means that the client has no such key.
            set(index, value == 255 ? 0 : UInt8(truncatingIfNeeded: value), &settings)
        } else if let bit = inputFlags[opcode] {
            settings.c_iflag = settings.c_iflag.setting(bit, value != 0)
        } else if let bit = localFlags[opcode] {
            settings.c_lflag = settings.c_lflag.setting(bit, value != 0)
        } else if let bit = outputFlags[opcode] {
            settings.c_oflag = settings.c_oflag.setting(bit, value != 0)
        } else {
            applyControl(opcode, value, to: &settings)
        }
    }

    /// Character size, parity and speed.
    private static func applyControl(_ opcode: UInt8, _ value: UInt32, to settings: inout termios) {
        switch opcode {
        case 90, 91:
            guard value != 0 else { return }
            settings.c_cflag =
                settings.c_cflag & ~tcflag_t(CSIZE) | tcflag_t(opcode == 90 ? CS7 : CS8)
        case 92: settings.c_cflag = settings.c_cflag.setting(tcflag_t(PARENB), value != 0)
        case 93: settings.c_cflag = settings.c_cflag.setting(tcflag_t(PARODD), value != 0)
        case 128: if let speed = speeds[value] { unsafe _ = cfsetispeed(&settings, speed) }
        case 129: if let speed = speeds[value] { unsafe _ = cfsetospeed(&settings, speed) }
        default: break
        }
    }

    private static func set(_ index: Int32, _ character: UInt8, _ settings: inout termios) {
        unsafe withUnsafeMutableBytes(of: &settings.c_cc) { unsafe $0[Int(index)] = character }
    }

    private static let characters: [UInt8: Int32] = [
        1: VINTR, 2: VQUIT, 3: VERASE, 4: VKILL, 5: VEOF, 6: VEOL, 7: VEOL2, 8: VSTART, 9: VSTOP,
        10: VSUSP, 12: VREPRINT, 13: VWERASE, 14: VLNEXT, 18: VDISCARD,
    ]

    private static let inputFlags: [UInt8: tcflag_t] = [
        30: tcflag_t(IGNPAR), 31: tcflag_t(PARMRK), 32: tcflag_t(INPCK), 33: tcflag_t(ISTRIP),
        34: tcflag_t(INLCR), 35: tcflag_t(IGNCR), 36: tcflag_t(ICRNL), 37: tcflag_t(IUCLC),
        38: tcflag_t(IXON), 39: tcflag_t(IXANY), 40: tcflag_t(IXOFF), 41: tcflag_t(IMAXBEL),
        42: tcflag_t(IUTF8),  // RFC 8160
    ]

    private static let localFlags: [UInt8: tcflag_t] = [
        50: tcflag_t(ISIG), 51: tcflag_t(ICANON), 52: tcflag_t(XCASE), 53: tcflag_t(ECHO),
        54: tcflag_t(ECHOE), 55: tcflag_t(ECHOK), 56: tcflag_t(ECHONL), 57: tcflag_t(NOFLSH),
        58: tcflag_t(TOSTOP), 59: tcflag_t(IEXTEN), 60: tcflag_t(ECHOCTL), 61: tcflag_t(ECHOKE),
        62: tcflag_t(PENDIN),
    ]

    private static let outputFlags: [UInt8: tcflag_t] = [
        70: tcflag_t(OPOST), 71: tcflag_t(OLCUC), 72: tcflag_t(ONLCR), 73: tcflag_t(OCRNL),
        74: tcflag_t(ONOCR), 75: tcflag_t(ONLRET),
    ]

    private static let speeds: [UInt32: speed_t] = [
        50: speed_t(B50), 75: speed_t(B75), 110: speed_t(B110), 134: speed_t(B134),
        150: speed_t(B150), 200: speed_t(B200), 300: speed_t(B300), 600: speed_t(B600),
        1200: speed_t(B1200), 1800: speed_t(B1800), 2400: speed_t(B2400), 4800: speed_t(B4800),
        9600: speed_t(B9600), 19200: speed_t(B19200), 38400: speed_t(B38400),
        57600: speed_t(B57600), 115_200: speed_t(B115200), 230_400: speed_t(B230400),
    ]
}

extension tcflag_t {
    fileprivate func setting(_ bit: Self, _ isOn: Bool) -> Self { isOn ? self | bit : self & ~bit }
}
