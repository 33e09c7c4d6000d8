import CAgent

/// The numbers of SFTP version 3 (draft-ietf-secsh-filexfer-02).
enum SftpPacket {
    static let initialize: UInt8 = 1
    static let version: UInt8 = 2
    static let open: UInt8 = 3
    static let close: UInt8 = 4
    static let read: UInt8 = 5
    static let write: UInt8 = 6
    static let lstat: UInt8 = 7
    static let fstat: UInt8 = 8
    static let setstat: UInt8 = 9
    static let fsetstat: UInt8 = 10
    static let opendir: UInt8 = 11
    static let readdir: UInt8 = 12
    static let remove: UInt8 = 13
    static let mkdir: UInt8 = 14
    static let rmdir: UInt8 = 15
    static let realpath: UInt8 = 16
    static let stat: UInt8 = 17
    static let rename: UInt8 = 18
    static let readlink: UInt8 = 19
    static let symlink: UInt8 = 20
    static let status: UInt8 = 101
    static let handle: UInt8 = 102
    static let data: UInt8 = 103
    static let name: UInt8 = 104
    static let attributes: UInt8 = 105
    static let extended: UInt8 = 200
    static let extendedReply: UInt8 = 201

    /// Of one packet, as OpenSSH has it.
    static let maximumLength = 256 * 1024
    /// Of the bytes of one READ or WRITE.
    static let maximumData = maximumLength - 1024
}

/// How a request ended (§7).
enum SftpStatus: UInt32 {
    case ok = 0
    case end = 1
    case noSuchFile = 2
    case permissionDenied = 3
    case failure = 4
    case badMessage = 5
    case unsupported = 8

    init(errno number: Int32) {
        switch number {
        case 0: self = .ok
        case ENOENT, ENOTDIR, EBADF, ELOOP: self = .noSuchFile
        case EPERM, EACCES, EFAULT, EROFS: self = .permissionDenied
        case ENAMETOOLONG, EINVAL: self = .badMessage
        case ENOSYS: self = .unsupported
        default: self = .failure
        }
    }

    /// The words of the message; a failure's own come from the system.
    var text: StaticString {
        switch self {
        case .ok: "Success"
        case .end: "End of file"
        case .noSuchFile: "No such file"
        case .permissionDenied: "Permission denied"
        case .failure: "Failure"
        case .badMessage: "Bad message"
        case .unsupported: "Operation unsupported"
        }
    }
}

/// The file attributes of a request or an answer (§5).
struct SftpAttributes {
    var size: UInt64?
    var owner: (user: UInt32, group: UInt32)?
    var mode: UInt32?
    var times: (accessed: UInt32, modified: UInt32)?

    private static let sizeFlag: UInt32 = 1
    private static let ownerFlag: UInt32 = 2
    private static let modeFlag: UInt32 = 4
    private static let timesFlag: UInt32 = 8
    private static let extendedFlag: UInt32 = 0x8000_0000

    init(_ facts: agent_attributes) {
        size = facts.size
        owner = (facts.user, facts.group)
        mode = facts.mode
        times = (facts.accessed, facts.modified)
    }

    init(_ body: inout BodyReader) throws(Violation) {
        let flags = try body.number()
        if flags & Self.sizeFlag != 0 { size = try body.long() }
        if flags & Self.ownerFlag != 0 {
            let user = try body.number()
            owner = (user, try body.number())
        }
        if flags & Self.modeFlag != 0 { mode = try body.number() }
        if flags & Self.timesFlag != 0 {
            let accessed = try body.number()
            times = (accessed, try body.number())
        }
        if flags & Self.extendedFlag != 0 {
            for _ in 0..<(try body.number()) {
                _ = try body.string()
                _ = try body.string()
            }
        }
    }

    func write(_ answer: inout SftpAnswer) {
        var flags: UInt32 = 0
        if size != nil { flags |= Self.sizeFlag }
        if owner != nil { flags |= Self.ownerFlag }
        if mode != nil { flags |= Self.modeFlag }
        if times != nil { flags |= Self.timesFlag }
        answer.number(flags)
        if let size { answer.long(size) }
        if let owner {
            answer.number(owner.user)
            answer.number(owner.group)
        }
        if let mode { answer.number(mode) }
        if let times {
            answer.number(times.accessed)
            answer.number(times.modified)
        }
    }

    /// Sets what is there, of the path, or of the file where that is `nil`: the first errno, or 0.
    func apply(_ path: [UInt8]?, _ file: Int32, follow: Bool) -> Int32 {
        guard let path else { return unsafe apply(nil, file, 1) }
        return unsafe withCString(path) { unsafe apply($0, -1, follow ? 1 : 0) }
    }

    private func apply(_ path: UnsafePointer<CChar>?, _ file: Int32, _ follow: Int32) -> Int32 {
        var failure: Int32 = 0
        func note(_ result: Int32) { if failure == 0, result < 0 { failure = -result } }
        if let size { note(unsafe agent_set_size(path, file, size)) }
        if let mode { note(unsafe agent_set_mode(path, file, mode, follow)) }
        if let times {
            note(unsafe agent_set_times(path, file, times.accessed, times.modified, follow))
        }
        if let owner {
            note(unsafe agent_set_owner(path, file, owner.user, owner.group, follow))
        }
        return failure
    }
}

/// Writes one packet to the client; `bytes` is whole once all fields are appended.
struct SftpAnswer {
    private var buffer: [UInt8] = [0, 0, 0, 0]

    init(_ kind: UInt8, _ request: UInt32, room: Int = 64) {
        buffer.reserveCapacity(room + 9)
        buffer.append(kind)
        number(request)
    }

    mutating func number(_ value: UInt32) {
        for shift: UInt32 in [24, 16, 8, 0] {
            buffer.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    mutating func long(_ value: UInt64) {
        number(UInt32(truncatingIfNeeded: value >> 32))
        number(UInt32(truncatingIfNeeded: value))
    }

    mutating func string(_ bytes: [UInt8]) {
        number(UInt32(truncatingIfNeeded: bytes.count))
        buffer.append(contentsOf: bytes)
    }

    var count: Int { buffer.count }

    var bytes: [UInt8] {
        var whole = buffer
        let length = UInt32(truncatingIfNeeded: buffer.count - 4)
        for place in 0..<4 {
            whole[place] = UInt8(truncatingIfNeeded: length >> UInt32(24 - 8 * place))
        }
        return whole
    }
}
