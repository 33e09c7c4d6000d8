/// A key of a JSON object, whatever its name.
struct AnyKey: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }

    init?(intValue: Int) { nil }
}

extension KeyedDecodingContainer<AnyKey> {
    /// The value under `name`, also in other capitals, which servers of the contract may use; a
    /// missing key and `null` give `nil`.
    func value<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value? {
        let exact = AnyKey(stringValue: name)
        if contains(exact) { return try decodeIfPresent(type, forKey: exact) }
        let lower = name.lowercased()
        guard let key = allKeys.first(where: { $0.stringValue.lowercased() == lower }) else {
            return nil
        }
        return try decodeIfPresent(type, forKey: key)
    }
}
