import CAgent

/// The open files and folders of a client, by the handles it was given.
struct SftpHandles {
    struct File {
        var descriptor: Int32
        var isAppending: Bool
    }

    private enum Entry {
        case file(File)
        /// `isAtEnd` once the last name was read.
        case folder(Int32, path: [UInt8], isAtEnd: Bool)
    }

    /// At a time, as many as OpenSSH's server allows by default.
    private static let most = 1024
    private var entries: [UInt32: Entry] = [:]
    private var next: UInt32 = 0

    var hasRoom: Bool { entries.count < Self.most }

    mutating func add(_ file: File) -> [UInt8] { add(.file(file)) }

    mutating func add(folder: Int32, path: [UInt8]) -> [UInt8] {
        add(.folder(folder, path: path, isAtEnd: false))
    }

    func file(_ handle: [UInt8]) -> File? {
        guard let number = Self.number(handle), case .file(let file)? = entries[number] else {
            return nil
        }
        return file
    }

    func folder(_ handle: [UInt8]) -> (number: Int32, path: [UInt8], isAtEnd: Bool)? {
        guard let number = Self.number(handle),
            case .folder(let folder, let path, let isAtEnd)? = entries[number]
        else { return nil }
        return (folder, path, isAtEnd)
    }

    mutating func noteEnd(_ handle: [UInt8]) {
        guard let number = Self.number(handle),
            case .folder(let folder, let path, _)? = entries[number]
        else { return }
        entries[number] = .folder(folder, path: path, isAtEnd: true)
    }

    /// Whether there was such a handle.
    mutating func close(_ handle: [UInt8]) -> Bool {
        guard let number = Self.number(handle), let entry = entries.removeValue(forKey: number)
        else { return false }
        switch entry {
        case .file(let file): agent_close(file.descriptor)
        case .folder(let folder, _, _): agent_close_folder(folder)
        }
        return true
    }

    private mutating func add(_ entry: Entry) -> [UInt8] {
        while entries[next] != nil { next &+= 1 }
        defer { next &+= 1 }
        entries[next] = entry
        let number = next
        return [24, 16, 8, 0].map { (shift: UInt32) in UInt8(truncatingIfNeeded: number >> shift) }
    }

    private static func number(_ handle: [UInt8]) -> UInt32? {
        guard handle.count == 4 else { return nil }
        return handle.reduce(0) { $0 << 8 | UInt32($1) }
    }
}
