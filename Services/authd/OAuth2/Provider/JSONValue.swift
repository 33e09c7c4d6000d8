/// A claim of any type; those that are neither texts nor simple values are of no use here.
enum JSONValue: Decodable, Sendable, Hashable {
    case string(String)
    case bool(Bool)
    case number(Double)
    case other

    init(from decoder: any Decoder) throws {
        let box = try decoder.singleValueContainer()
        if let text = try? box.decode(String.self) {
            self = .string(text)
        } else if let truth = try? box.decode(Bool.self) {
            self = .bool(truth)
        } else if let number = try? box.decode(Double.self) {
            self = .number(number)
        } else {
            self = .other
        }
    }

    var text: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }
}
