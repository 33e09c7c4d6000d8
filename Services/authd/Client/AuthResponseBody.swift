package import SharedModels

/// The body of an answer.
///
/// Reading is lenient: only `success`, `authenticatedUsername`, `reason`, `unknownUser` and the three maps count, other
/// keys and echoed ones may hold anything, and every key may be missing, as in the answers of
/// version 0.4. Writing leaves out what is empty.
package struct AuthResponseBody: Codable, Sendable {
    package var response: AuthResponse

    package init(_ response: AuthResponse) { self.response = response }

    package init(from decoder: any Decoder) throws {
        let box = try decoder.container(keyedBy: AnyKey.self)
        let name = try box.value(String.self, "authenticatedUsername") ?? ""
        response = AuthResponse(
            success: try box.value(Bool.self, "success") ?? false,
            authenticatedUsername: name.isEmpty ? nil : name,
            carried: try ConnectionMetadata(lenient: decoder),
            // A key of ours, which other servers may use for something else.
            reason: (try? box.value(String.self, "reason")) ?? "",
            unknownUser: (try? box.value(Bool.self, "unknownUser")) ?? false,
            // One that cannot be read must not count as none.
            restrictions: try box.value(CredentialRestrictions.self, "restrictions")
        )
    }

    private enum CodingKeys: String, CodingKey {
        case success, authenticatedUsername, metadata, environment, files, reason, unknownUser,
            restrictions
    }

    package func encode(to encoder: any Encoder) throws {
        var box = encoder.container(keyedBy: CodingKeys.self)
        try box.encode(response.success, forKey: .success)
        try box.encodeIfPresent(response.authenticatedUsername, forKey: .authenticatedUsername)
        let carried = response.carried
        if !carried.metadata.isEmpty { try box.encode(carried.metadata, forKey: .metadata) }
        if !carried.environment.isEmpty {
            try box.encode(carried.environment, forKey: .environment)
        }
        if !carried.files.isEmpty { try box.encode(carried.files, forKey: .files) }
        if let restrictions = response.restrictions, restrictions != .init() {
            try box.encode(restrictions, forKey: .restrictions)
        }
        if response.unknownUser { try box.encode(true, forKey: .unknownUser) }
        if !response.reason.isEmpty { try box.encode(response.reason, forKey: .reason) }
    }
}
