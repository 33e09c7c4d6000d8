import CAgent

// MARK: - Files and folders

extension SftpServer {
    func open(_ request: UInt32, _ body: inout BodyReader) throws(Violation) {
        let path = try body.name()
        let flags = Int32(truncatingIfNeeded: try body.number())
        let mode = try SftpAttributes(&body).mode ?? 0o666
        guard handles.hasRoom else { return send(errno: EMFILE, request) }
        // The flags of the protocol are those of agent_open().
        let file = unsafe withCString(path) { unsafe agent_open($0, flags, mode & 0o7777) }
        guard file >= 0 else { return send(errno: -file, request) }
        let isAppending = flags & Int32(AGENT_APPEND) != 0
        sendHandle(handles.add(.init(descriptor: file, isAppending: isAppending)), request)
    }

    private func sendHandle(_ handle: [UInt8], _ request: UInt32) {
        var answer = SftpAnswer(SftpPacket.handle, request)
        answer.string(handle)
        send(answer)
    }

    func close(_ request: UInt32, _ body: inout BodyReader) throws(Violation) {
        send(handles.close(try body.string()) ? .ok : .noSuchFile, request)
    }

    func read(_ request: UInt32, _ body: inout BodyReader) throws(Violation) {
        let file = handles.file(try body.string())
        let offset = try body.long()
        let room = min(Int(try body.number()), SftpPacket.maximumData)
        guard let file else { return send(errno: EBADF, request) }
        var count = 0
        let piece = unsafe [UInt8](unsafeUninitializedCapacity: room) { buffer, filled in
            guard let base = buffer.baseAddress else { return }
            count = unsafe agent_read_at(file.descriptor, base, room, offset)
            filled = max(count, 0)
        }
        guard count > 0 else {
            return count == 0 ? send(.end, request) : send(errno: Int32(-count), request)
        }
        var answer = SftpAnswer(SftpPacket.data, request, room: count + 4)
        answer.string(piece)
        send(answer)
    }

    func write(_ request: UInt32, _ body: inout BodyReader) throws(Violation) {
        let file = handles.file(try body.string())
        let offset = try body.long()
        let content = try body.string()
        guard let file else { return send(errno: EBADF, request) }
        var done = 0
        while done < content.count {
            let written = unsafe content.withUnsafeBytes { buffer in
                guard let base = buffer.baseAddress else { return 0 }
                return unsafe agent_write_at(
                    file.descriptor,
                    base + done,
                    content.count - done,
                    offset + UInt64(done),
                    file.isAppending ? 1 : 0
                )
            }
            guard written > 0 else { return send(errno: Int32(-written), request) }
            done += written
        }
        send(.ok, request)
    }

    func stat(_ request: UInt32, _ name: [UInt8], follow: Bool) throws(Violation) {
        var facts = agent_attributes()
        let failure = unsafe path(name) { unsafe agent_attributes_of($0, follow ? 1 : 0, &facts) }
        answer(request, facts, failure)
    }

    func fstat(_ request: UInt32, _ body: inout BodyReader) throws(Violation) {
        guard let file = handles.file(try body.string()) else { return send(errno: EBADF, request) }
        var facts = agent_attributes()
        let result = unsafe agent_attributes_of_file(file.descriptor, &facts)
        answer(request, facts, -min(result, 0))
    }

    private func answer(_ request: UInt32, _ facts: agent_attributes, _ failure: Int32) {
        guard failure == 0 else { return send(errno: failure, request) }
        var answer = SftpAnswer(SftpPacket.attributes, request)
        SftpAttributes(facts).write(&answer)
        send(answer)
    }

    // MARK: Folders

    func openFolder(_ request: UInt32, _ body: inout BodyReader) throws(Violation) {
        let path = try body.name()
        guard handles.hasRoom else { return send(errno: EMFILE, request) }
        let folder = unsafe withCString(path) { unsafe agent_open_folder($0) }
        guard folder >= 0 else { return send(errno: -folder, request) }
        sendHandle(handles.add(folder: folder, path: path), request)
    }

    /// As many names as an answer of moderate length holds.
    func readFolder(_ request: UInt32, _ body: inout BodyReader) throws(Violation) {
        let handle = try body.string()
        guard let folder = handles.folder(handle) else { return send(errno: EBADF, request) }
        guard !folder.isAtEnd else { return send(.end, request) }
        var names: [[UInt8]] = []
        while names.count < 100 {
            var room = [CChar](repeating: 0, count: 1024)
            let length = unsafe agent_next_name(folder.number, &room, room.count)
            guard length > 0 else {
                handles.noteEnd(handle)
                break
            }
            names.append(room.prefix(length).map { UInt8(bitPattern: $0) })
        }
        guard !names.isEmpty else { return send(.end, request) }
        var list = SftpAnswer(SftpPacket.name, request, room: 32 * 1024)
        list.number(UInt32(truncatingIfNeeded: names.count))
        for name in names { append(name, in: folder.path, to: &list) }
        send(list)
    }

    private func append(_ name: [UInt8], in folder: [UInt8], to list: inout SftpAnswer) {
        var facts = agent_attributes()
        // What went away meanwhile is listed without its facts.
        _ = unsafe path(folder + [UInt8(ascii: "/")] + name) {
            unsafe agent_attributes_of($0, 0, &facts)
        }
        var room = [CChar](repeating: 0, count: 1280)
        let length = unsafe withCString(name) {
            unsafe agent_long_name($0, &facts, &room, room.count)
        }
        list.string(name)
        list.string(room.prefix(max(length, 0)).map { UInt8(bitPattern: $0) })
        SftpAttributes(facts).write(&list)
    }
}
