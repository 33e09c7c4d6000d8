import CAgent

/// `sftp-server`, with the options of OpenSSH's that matter without its log.
enum SftpMode {
    static func run(_ arguments: [[UInt8]]) -> Int32 {
        var rest = arguments[...]
        var isReadOnly = false
        while let option = rest.popFirst() {
            switch option {
            case bytes("-R"): isReadOnly = true
            case bytes("-e"): break
            case bytes("-l"), bytes("-f"): _ = rest.popFirst()
            case bytes("-d"):
                guard let folder = rest.popFirst(), enter(folder) else {
                    return complain("the folder to start in cannot be entered", 1)
                }
            case bytes("-u"):
                guard let mask = rest.popFirst().flatMap(octal) else {
                    return complain("-u wants an octal number", 1)
                }
                agent_set_file_mask(mask)
            // What restricts and is not known must not be left out silently.
            default: return complain("an option that this sftp-server does not have", 1)
            }
        }
        return SftpServer(isReadOnly: isReadOnly).run()
    }

    private static func enter(_ folder: [UInt8]) -> Bool {
        unsafe withCString(folder) { unsafe agent_enter($0) } == 0
    }

    private static func octal(_ digits: [UInt8]) -> UInt32? {
        guard !digits.isEmpty, digits.count <= 4 else { return nil }
        var value: UInt32 = 0
        for digit in digits {
            guard (48...55).contains(digit) else { return nil }
            value = value << 3 | UInt32(digit - 48)
        }
        return value <= 0o777 ? value : nil
    }
}
