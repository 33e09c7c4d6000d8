import CAgent

/// OpenSSH's extensions (its PROTOCOL, chapter 4).
enum SftpExtension {
    static let offered: [(name: StaticString, version: StaticString)] = [
        ("posix-rename@openssh.com", "1"), ("statvfs@openssh.com", "2"),
        ("fstatvfs@openssh.com", "2"), ("hardlink@openssh.com", "1"), ("fsync@openssh.com", "1"),
        ("lsetstat@openssh.com", "1"), ("limits@openssh.com", "1"),
        ("expand-path@openssh.com", "1"),
    ]

    /// Whether it changes files.
    static func changes(_ name: [UInt8]) -> Bool {
        name == bytes("posix-rename@openssh.com") || name == bytes("hardlink@openssh.com")
            || name == bytes("fsync@openssh.com") || name == bytes("lsetstat@openssh.com")
    }
}

extension SftpServer {
    func extended(_ request: UInt32, _ body: inout BodyReader) throws(Violation) {
        switch try body.string() {
        case bytes("posix-rename@openssh.com"):
            unsafe send(errno: try paths(&body) { unsafe agent_rename($0, $1) }, request)
        case bytes("hardlink@openssh.com"):
            unsafe send(errno: try paths(&body) { unsafe agent_hard_link($0, $1) }, request)
        case bytes("fsync@openssh.com"):
            let file = handles.file(try body.string())
            send(errno: file.map { -min(agent_sync($0.descriptor), 0) } ?? EBADF, request)
        case bytes("lsetstat@openssh.com"):
            let path = try body.name()
            send(errno: try SftpAttributes(&body).apply(path, -1, follow: false), request)
        case bytes("statvfs@openssh.com"):
            var numbers = [UInt64](repeating: 0, count: 11)
            let failure = unsafe path(try body.name()) {
                unsafe agent_file_system($0, -1, &numbers)
            }
            answer(request, numbers, failure)
        case bytes("fstatvfs@openssh.com"):
            var numbers = [UInt64](repeating: 0, count: 11)
            guard let file = handles.file(try body.string()) else {
                return send(errno: EBADF, request)
            }
            answer(
                request,
                numbers,
                -min(unsafe agent_file_system(nil, file.descriptor, &numbers), 0)
            )
        case bytes("limits@openssh.com"):
            let data = UInt64(SftpPacket.maximumData)
            answer(request, [UInt64(SftpPacket.maximumLength), data, data, 1024], 0)
        case bytes("expand-path@openssh.com"): expand(request, try body.name())
        default: send(.unsupported, request)
        }
    }

    private func answer(_ request: UInt32, _ numbers: [UInt64], _ failure: Int32) {
        guard failure == 0 else { return send(errno: failure, request) }
        var answer = SftpAnswer(SftpPacket.extendedReply, request)
        for number in numbers { answer.long(number) }
        send(answer)
    }

    /// `~` and `~/…` are the home; other people's homes nobody can tell here.
    private func expand(_ request: UInt32, _ path: [UInt8]) {
        let tilde = UInt8(ascii: "~")
        guard path.first == tilde else {
            return unsafe text(request, path) { unsafe agent_real_path($0, $1, $2) }
        }
        guard path.count == 1 || path[1] == UInt8(ascii: "/"),
            let home = unsafe bytes(cString: agent_variable("HOME"))
        else { return send(.noSuchFile, request) }
        unsafe text(request, home + path.dropFirst()) { unsafe agent_real_path($0, $1, $2) }
    }
}
