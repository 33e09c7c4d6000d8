import CAgent

/// `sftp-server`: SFTP version 3 on standard input and output, with OpenSSH's extensions, for
/// images that have no server of their own.
///
/// One request after the other, as OpenSSH's server does it.
final class SftpServer {
    private var input = InputBuffer(longest: SftpPacket.maximumLength + 4)
    private var output = ByteQueue(keeps: 1 << 20)
    var handles = SftpHandles()
    private var isGreeted = false
    private let isReadOnly: Bool

    init(isReadOnly: Bool) { self.isReadOnly = isReadOnly }

    /// Serves until the client is gone; returns the exit status.
    func run() -> Int32 {
        while true {
            let count = input.fill(from: 0)
            guard count > 0 else { return count == 0 ? 0 : 1 }
            do throws(Violation) {
                while let packet = try nextPacket() { try serve(packet) }
            } catch {
                return complain(error.text, 1)
            }
            guard flush() else { return 1 }
        }
    }

    private func nextPacket() throws(Violation) -> BodyReader? {
        guard input.count >= 4 else { return nil }
        let length = input.number
        guard length >= 1, length <= SftpPacket.maximumLength else {
            throw Violation(text: "a packet's length is out of range")
        }
        guard input.count >= 4 + length else { return nil }
        return BodyReader(input.take(4 + length).dropFirst(4))
    }

    private func flush() -> Bool {
        while !output.isEmpty {
            if output.write(to: 1) < 0 { return false }
        }
        return true
    }

    func send(_ answer: SftpAnswer) {
        output.append(answer.bytes)
        // The client's requests wait in the meantime; memory does not grow with them.
        if output.count > 512 * 1024 { _ = flush() }
    }

    func send(_ status: SftpStatus, _ request: UInt32) {
        var answer = SftpAnswer(SftpPacket.status, request)
        answer.number(status.rawValue)
        answer.string(bytes(status.text))
        answer.string([])
        send(answer)
    }

    /// Success, or what an errno means.
    func send(errno number: Int32, _ request: UInt32) { send(SftpStatus(errno: number), request) }

    // MARK: Requests

    private func serve(_ packet: BodyReader) throws(Violation) {
        var body = packet
        let kind = try body.byte()
        guard isGreeted else {
            guard kind == SftpPacket.initialize else { throw Violation(text: "no INIT") }
            return try greet(&body)
        }
        let request = try body.number()
        do throws(Violation) {
            if isReadOnly {
                let isRefused = try changes(kind, body)
                guard !isRefused else { return send(.permissionDenied, request) }
            }
            try serve(kind, request, &body)
        } catch {
            // The packet's own length was right: only this request is lost.
            send(.badMessage, request)
        }
    }

    /// Whether a request changes files.
    private func changes(_ kind: UInt8, _ packet: BodyReader) throws(Violation) -> Bool {
        var body = packet
        switch kind {
        case SftpPacket.open:
            _ = try body.string()
            return try body.number() & ~UInt32(AGENT_READ) != 0
        case SftpPacket.extended: return SftpExtension.changes(try body.string())
        case SftpPacket.write, SftpPacket.setstat, SftpPacket.fsetstat, SftpPacket.remove,
            SftpPacket.mkdir, SftpPacket.rmdir, SftpPacket.rename, SftpPacket.symlink:
            return true
        default: return false
        }
    }

    private func greet(_ body: inout BodyReader) throws(Violation) {
        _ = try body.number()
        isGreeted = true
        // In the place of a request's id stands the version.
        var answer = SftpAnswer(SftpPacket.version, 3)
        for (name, version) in SftpExtension.offered {
            answer.string(bytes(name))
            answer.string(bytes(version))
        }
        send(answer)
    }

    private func serve(
        _ kind: UInt8,
        _ request: UInt32,
        _ body: inout BodyReader
    ) throws(Violation) {
        switch kind {
        case SftpPacket.open: try open(request, &body)
        case SftpPacket.close: try close(request, &body)
        case SftpPacket.read: try read(request, &body)
        case SftpPacket.write: try write(request, &body)
        case SftpPacket.stat: try stat(request, try body.name(), follow: true)
        case SftpPacket.lstat: try stat(request, try body.name(), follow: false)
        case SftpPacket.fstat: try fstat(request, &body)
        case SftpPacket.setstat:
            let path = try body.name()
            send(errno: try SftpAttributes(&body).apply(path, -1, follow: true), request)
        case SftpPacket.fsetstat:
            let file = handles.file(try body.string())
            let attributes = try SftpAttributes(&body)
            send(
                errno: file.map { attributes.apply(nil, $0.descriptor, follow: true) } ?? EBADF,
                request
            )
        case SftpPacket.opendir: try openFolder(request, &body)
        case SftpPacket.readdir: try readFolder(request, &body)
        case SftpPacket.remove:
            unsafe send(errno: path(try body.name()) { unsafe agent_remove($0) }, request)
        case SftpPacket.mkdir:
            let name = try body.name()
            let mode = try SftpAttributes(&body).mode ?? 0o777
            unsafe send(errno: path(name) { unsafe agent_make_folder($0, mode) }, request)
        case SftpPacket.rmdir:
            unsafe send(errno: path(try body.name()) { unsafe agent_remove_folder($0) }, request)
        case SftpPacket.realpath:
            unsafe text(request, try body.name()) { unsafe agent_real_path($0, $1, $2) }
        case SftpPacket.readlink:
            unsafe text(request, try body.name()) { unsafe agent_read_link($0, $1, $2) }
        case SftpPacket.rename:
            unsafe send(errno: try paths(&body) { unsafe agent_rename_new($0, $1) }, request)
        case SftpPacket.symlink:
            // OpenSSH has the two the other way round than the draft, and so have all clients.
            unsafe send(errno: try paths(&body) { unsafe agent_symbolic_link($0, $1) }, request)
        case SftpPacket.extended: try extended(request, &body)
        default: send(.unsupported, request)
        }
    }

    // MARK: Helpers for paths

    /// The errno of what `body` does with a path, 0 for none.
    func path(_ name: [UInt8], _ body: (UnsafePointer<CChar>) -> Int32) -> Int32 {
        unsafe -min(withCString(name) { unsafe body($0) }, 0)
    }

    func paths(
        _ body: inout BodyReader,
        _ work: (UnsafePointer<CChar>, UnsafePointer<CChar>) -> Int32
    ) throws(Violation) -> Int32 {
        let first = try body.name()
        let second = try body.name()
        return unsafe -min(
            withCString(first) { from in unsafe withCString(second) { unsafe work(from, $0) } },
            0
        )
    }

    /// Answers with the one name that `body` makes of a path.
    func text(
        _ request: UInt32,
        _ name: [UInt8],
        _ body: (UnsafePointer<CChar>, UnsafeMutablePointer<CChar>, Int) -> Int
    ) {
        var room = [CChar](repeating: 0, count: 4096)
        let length = unsafe withCString(name) { unsafe body($0, &room, room.count) }
        guard length >= 0 else { return send(errno: Int32(-length), request) }
        let found = room.prefix(length).map { UInt8(bitPattern: $0) }
        var answer = SftpAnswer(SftpPacket.name, request)
        answer.number(1)
        answer.string(found)
        answer.string(found)
        answer.number(0)
        send(answer)
    }
}
