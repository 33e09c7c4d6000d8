import CMaxMind
import SharedMessages

/// An open MaxMind database (https://maxmind.github.io/MaxMind-DB/).
///
/// The file is mapped into memory: a look-up asks nobody, and a file that is replaced by renaming
/// stays whole for whoever has it open. Not to be written in place, as for every mapped file.
@safe final class CountryDatabase: Sendable {
    /// What the database says it is, for example `GeoLite2-Country`.
    let type: String
    /// Opened before the value is shared and closed after nobody has it any more; in between the
    /// library only reads from it (libmaxminddb(3), "thread safety").
    private nonisolated(unsafe) let database: UnsafeMutablePointer<MMDB_s>

    /// Blocks on the disk. Throws `GEOIP_UNUSABLE`.
    init(path: String) throws(CodedError) {
        let memory = UnsafeMutablePointer<MMDB_s>.allocate(capacity: 1)
        unsafe memory.initialize(to: MMDB_s())
        let status = unsafe MMDB_open(path, UInt32(MMDB_MODE_MMAP), memory)
        guard status == MMDB_SUCCESS else {
            unsafe memory.deallocate()
            let reason = unsafe String(cString: MMDB_strerror(status))
            throw CodedError(.geoIPUnusable, detail: "\(path): \(reason)")
        }
        unsafe database = memory
        type = unsafe memory.pointee.metadata.database_type.map { unsafe String(cString: $0) } ?? ""
    }

    deinit {
        unsafe MMDB_close(database)
        unsafe database.deallocate()
    }

    /// The ISO 3166 code of the country that an IP address is in, two capital letters; `nil` where
    /// the database has none, or is damaged there.
    func country(of address: String) -> String? {
        var code: [CChar] = [0, 0]
        guard unsafe berth_country_code(database, address, &code) == 1 else { return nil }
        let letters = code.map { UInt8(bitPattern: $0) }
        guard letters.allSatisfy({ (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }) else {
            return nil
        }
        return String(decoding: letters, as: UTF8.self)
    }
}
