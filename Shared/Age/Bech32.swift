/// The text form of age's keys (BIP 173, without its limit of length).
enum Bech32 {
    private static let alphabet = Array("qpzry9x8gf2tvdw0s3jn54khce6mua7l".utf8)

    static func encode(_ prefix: String, _ bytes: [UInt8]) -> String {
        let values = regroup(bytes, from: 8, to: 5, pads: true) ?? []
        let checked = expanded(prefix) + values + [UInt8](repeating: 0, count: 6)
        let sum = polymod(checked) ^ 1
        let check = (0..<6).map { UInt8(truncatingIfNeeded: sum >> (5 * (5 - $0)) & 31) }
        let text = (values + check).map { alphabet[Int($0)] }
        return prefix + "1" + String(decoding: text, as: UTF8.self)
    }

    /// The prefix in lower case and the bytes.
    static func decode(_ text: String) -> (prefix: String, bytes: [UInt8])? {
        let lower = text.lowercased()
        guard text == lower || text == text.uppercased(), let split = lower.utf8.lastIndex(of: 0x31)
        else { return nil }
        let prefix = String(lower[..<split])
        var values: [UInt8] = []
        for byte in lower.utf8[split...].dropFirst() {
            guard let value = alphabet.firstIndex(of: byte) else { return nil }
            values.append(UInt8(value))
        }
        guard !prefix.isEmpty, values.count >= 6, polymod(expanded(prefix) + values) == 1,
            let bytes = regroup(values.dropLast(6), from: 5, to: 8, pads: false)
        else { return nil }
        return (prefix, bytes)
    }

    private static func expanded(_ prefix: String) -> [UInt8] {
        prefix.utf8.map { $0 >> 5 } + [0] + prefix.utf8.map { $0 & 31 }
    }

    private static func polymod(_ values: [UInt8]) -> UInt32 {
        let generators: [UInt32] = [
            0x3B6A_57B2, 0x2650_8E6D, 0x1EA1_19FA, 0x3D42_33DD, 0x2A14_62B3,
        ]
        return values.reduce(1) { sum, value in
            let top = sum >> 25
            let next = (sum & 0x1FF_FFFF) << 5 ^ UInt32(value)
            return generators.indices.reduce(next) {
                top >> UInt32($1) & 1 == 1 ? $0 ^ generators[$1] : $0
            }
        }
    }

    private static func regroup(
        _ values: some Sequence<UInt8>,
        from: UInt32,
        to: UInt32,
        pads: Bool
    ) -> [UInt8]? {
        var (store, bits): (UInt32, UInt32) = (0, 0)
        var result: [UInt8] = []
        let mask = UInt32(1) << to - 1
        for value in values {
            store = (store << from | UInt32(value)) & 0xFFF
            bits += from
            while bits >= to {
                bits -= to
                result.append(UInt8(truncatingIfNeeded: store >> bits & mask))
            }
        }
        let rest = store & (UInt32(1) << bits - 1)
        if pads {
            if bits > 0 { result.append(UInt8(truncatingIfNeeded: rest << (to - bits) & mask)) }
        } else if bits >= from || rest != 0 {
            return nil
        }
        return result
    }
}
