import CCrypt
import SharedMessages

/// crypt(3), for blocking threads.
enum Yescrypt {
    /// One less than `CRYPT_MAX_PASSPHRASE_SIZE`, which counts the zero byte.
    static let longestPassword = 511

    static func isAcceptable(_ password: [UInt8]) -> Bool {
        (1...longestPassword).contains(password.count) && !password.contains(0)
    }

    /// A setting with fresh random salt (crypt_gensalt(3)).
    static func salt(_ prefix: String, cost: UInt) throws(CodedError) -> String {
        let size = Int(CRYPT_GENSALT_OUTPUT_SIZE)
        let text = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: size) { output in
            unsafe crypt_gensalt_rn(
                prefix,
                CUnsignedLong(cost),
                nil,
                0,
                output.baseAddress,
                CInt(size)
            ).map { unsafe String(cString: $0) }
        }
        guard let text else { throw CodedError(.authdHashFailed, detail: "no salt") }
        return text
    }

    /// The hash of `password` under `setting`, which may be an earlier hash.
    static func hash(_ password: [UInt8], setting: String) throws(CodedError) -> String {
        var phrase = password.map { CChar(bitPattern: $0) } + [0]
        // 32 KiB of which crypt(3) wants the unused parts zeroed.
        let data = UnsafeMutablePointer<crypt_data>.allocate(capacity: 1)
        unsafe data.initialize(to: crypt_data())
        defer {
            unsafe data.deallocate()
            for index in phrase.indices { phrase[index] = 0 }
        }
        let size = CInt(MemoryLayout<crypt_data>.size)
        guard let result = unsafe crypt_rn(phrase, setting, data, size) else {
            throw CodedError(.authdHashFailed, detail: "unknown kind of hash")
        }
        return unsafe String(cString: result)
    }
}
