extension DecodingError {
    /// What was wrong where, in words that never quote the data.
    var place: String {
        switch self {
        case .typeMismatch(let type, let context): "is no \(type) at \(path(context.codingPath))"
        case .valueNotFound(let type, let context): "has no \(type) at \(path(context.codingPath))"
        case .keyNotFound(let key, let context): "has no \(path(context.codingPath + [key]))"
        case .dataCorrupted(let context): "is not valid at \(path(context.codingPath))"
        @unknown default: "is not valid"
        }
    }
}

private func path(_ keys: [any CodingKey]) -> String {
    keys.isEmpty ? "the top" : keys.map(\.stringValue).joined(separator: ".")
}
