import SharedImages
import SharedMessages

/// Who programs in a container run as.
struct ContainerUser: Sendable, Hashable {
    var user: UInt32
    var group: UInt32
    /// Supplementary ones.
    var groups: [UInt32]
    var name: String
    var home: String

    private struct Account {
        var name: String
        var user: UInt32
        var group: UInt32
        var home: String
    }

    private struct Group {
        var name: String
        var number: UInt32
        var members: [String]
    }

    /// Looks `wanted` (`user` or `user:group`, by name or number; empty: root) up in the image, as
    /// the image format says it (image-spec, config.md, User).
    ///
    /// Throws `OCI_USER_UNKNOWN`.
    init(_ wanted: String, passwd: String, group: String) throws {
        let parts = wanted.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let first = parts.first.map(String.init) ?? ""
        let account = try Self.account(first.isEmpty ? "0" : first, Self.accounts(passwd))
        let all = Self.groups(group)
        name = account.name
        user = account.user
        home = account.home
        guard parts.count == 2, !parts[1].isEmpty else {
            self.group = account.group
            // A number without an account is in no group.
            groups = all.filter { $0.members.contains(account.name) && !account.name.isEmpty }
                .map(\.number)
            return
        }
        let second = String(parts[1])
        guard let number = Self.number(second) ?? all.first(where: { $0.name == second })?.number
        else { throw CodedError(.ociUserUnknown, detail: "group \(second)") }
        self.group = number
        groups = []
    }

    private static func account(_ text: String, _ accounts: [Account]) throws -> Account {
        if let account = accounts.first(where: { $0.name == text }) { return account }
        guard let number = number(text) else {
            throw CodedError(.ociUserUnknown, detail: "user \(text)")
        }
        return accounts.first { $0.user == number }
            ?? Account(name: "", user: number, group: 0, home: number == 0 ? "/root" : "/")
    }

    private static func number(_ text: String) -> UInt32? {
        // The largest one means "none" to the kernel.
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt32(text),
            number != .max
        else { return nil }
        return number
    }

    private static func fields(_ text: String, _ count: Int) -> [[String]] {
        text.split(whereSeparator: \.isNewline)
            .map { line in
                line.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            }
            .filter { $0.count >= count }
    }

    /// passwd(5).
    private static func accounts(_ text: String) -> [Account] {
        fields(text, 6)
            .compactMap { fields in
                guard let user = number(fields[2]), let group = number(fields[3]) else {
                    return nil
                }
                let home = fields[5].hasPrefix("/") ? fields[5] : "/"
                return Account(name: fields[0], user: user, group: group, home: home)
            }
    }

    /// group(5).
    private static func groups(_ text: String) -> [Group] {
        fields(text, 4)
            .compactMap { fields in
                guard let number = number(fields[2]) else { return nil }
                let members = fields[3].split(separator: ",").map(String.init)
                return Group(name: fields[0], number: number, members: members)
            }
    }
}
