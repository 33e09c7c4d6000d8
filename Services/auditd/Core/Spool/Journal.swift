import NIOCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The file that makes acknowledgements durable: one write and one sync for everything that came
/// together, however many recordings that was.
///
/// There is one journal at a time. A new one starts with a record per recording that is not stored
/// yet; it gets its name when it is durable, and only then is the old one removed. So the newest
/// journal always tells everything, together with recordings that were synced before it began.
struct Journal {
    private let folder: String
    private var file: OpenFile
    private var number: Int
    /// Where the next record goes.
    private(set) var size: UInt64
    /// Where the space ends that was taken in advance.
    private var reserved: UInt64 = 0
    private static let reserve: UInt64 = 4 << 20

    /// Makes the first or next journal.
    init(in folder: String, number: Int, beginning records: [JournalRecord]) throws(FileError) {
        self.folder = folder
        self.number = number
        let path = Self.path(folder, number)
        let draft = path + ".new"
        file = try OpenFile(draft, O_RDWR | O_CREAT | O_TRUNC)
        var bytes = ByteBuffer()
        for record in records { record.write(to: &bytes) }
        try file.write(bytes, at: 0)
        try file.sync()
        try Folder.rename(draft, to: path)
        try Folder.sync(folder)
        size = UInt64(bytes.readableBytes)
    }

    /// Writes records and makes them durable. On an error the journal is as before, unless the
    /// second value says that this could not be achieved.
    mutating func append(_ bytes: ByteBuffer) throws(JournalError) {
        let end = size + UInt64(bytes.readableBytes)
        if end > reserved {
            reserved = end + Self.reserve
            file.reserve(from: size, to: reserved)
        }
        do throws(FileError) {
            try file.write(bytes, at: size)
        } catch {
            // A torn record at the end must not stand before good ones.
            do throws(FileError) { try file.truncate(to: size) } catch {
                throw JournalError(cause: error, isUsable: false)
            }
            throw JournalError(cause: error, isUsable: true)
        }
        do throws(FileError) {
            try file.sync()
        } catch {
            // After a failed sync the kernel may have dropped the pages: nobody knows what is
            // on disk (fsync(2), NOTES). Only a restart can tell.
            throw JournalError(cause: error, isUsable: false)
        }
        size = end
    }

    /// Starts a new journal and removes this one.
    mutating func restart(beginning records: [JournalRecord]) throws(FileError) {
        let old = Self.path(folder, number)
        self = try Journal(in: folder, number: number + 1, beginning: records)
        try Folder.remove(old)
    }

    // MARK: - Recovery

    /// The records of the newest journal in `folder`, and its number; 0 where there is none.
    static func recover(
        in folder: String,
        each: (JournalRecord) throws -> Void
    ) throws -> Int {
        let names = try Folder.names(in: folder)
        let numbers = names.compactMap(Self.number(of:)).sorted()
        guard let newest = numbers.last else { return 0 }
        try replay(OpenFile(path(folder, newest), O_RDONLY), each: each)
        return newest
    }

    /// Removes journals before `number`, and drafts that never got their name.
    static func removeOld(in folder: String, before number: Int) throws {
        for name in try Folder.names(in: folder) {
            let isOld = Self.number(of: name).map { $0 < number } ?? false
            if isOld || name.hasSuffix(".log.new") { try Folder.remove("\(folder)/\(name)") }
        }
    }

    /// Stops at the first record that is not whole and right: it was never acknowledged.
    private static func replay(
        _ file: OpenFile,
        each: (JournalRecord) throws -> Void
    ) throws {
        var buffer = ByteBuffer()
        var position: UInt64 = 0
        while true {
            if let record = JournalRecord.read(from: &buffer) {
                try each(record)
                continue
            }
            guard buffer.readableBytes < JournalRecord.maximumBody + JournalRecord.headLength else {
                return
            }
            let more = try file.read(at: position, count: 1 << 20)
            guard more.readableBytes > 0 else { return }
            position += UInt64(more.readableBytes)
            buffer.discardReadBytes()
            buffer.writeImmutableBuffer(more)
        }
    }

    private static func path(_ folder: String, _ number: Int) -> String {
        "\(folder)/journal-\(number).log"
    }

    private static func number(of name: String) -> Int? {
        guard name.hasPrefix("journal-"), name.hasSuffix(".log") else { return nil }
        return Int(name.dropFirst("journal-".count).dropLast(".log".count))
    }
}

/// Records could not be made durable.
struct JournalError: Error {
    let cause: FileError
    /// Whether the journal can take further records.
    let isUsable: Bool
}
