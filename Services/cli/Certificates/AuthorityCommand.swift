import ArgumentParser
import AuthClient
import Foundation

/// `berth ca`: the certificate authorities of a running authd.
struct AuthorityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ca",
        abstract: "Manages the certificate authorities of a running authd.",
        subcommands: [
            AuthorityCreateCommand.self, AuthorityTrustCommand.self, AuthorityListCommand.self,
            AuthorityShowCommand.self, AuthorityRotateCommand.self, AuthorityRemoveCommand.self,
            AuthorityHostCommand.self, AuthorityUserCommand.self,
            AuthorityCertificatesCommand.self,
            AuthorityRevokeCommand.self, AuthorityRevocationListCommand.self,
        ]
    )
}

extension AuthorityKind: ExpressibleByArgument {}

struct AuthorityCreateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Makes an authority that authd signs with, and prints its public key."
    )

    @OptionGroup var admin: AdminOptions

    @Argument(help: "What it certifies: user or host.")
    var kind: AuthorityKind

    @Option(help: "Its name; by default what it certifies.")
    var name: String?

    func run() async throws {
        try await admin.run { client in
            let authority = NewAuthority(name: name ?? kind.rawValue, kind: kind)
            print(line(try await client.addAuthority(authority)))
        }
    }
}

struct AuthorityTrustCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trust",
        abstract: "Trusts the user certificates of an authority of others."
    )

    @OptionGroup var admin: AdminOptions

    @Argument(help: "What to call it.")
    var name: String

    @Argument(help: "A file with its public key; - for standard input.")
    var file: String

    @Option(help: "A principal that it may certify, or a pattern (glob:…); may be repeated.")
    var principal: [String] = []

    func run() async throws {
        let keys = try readKeys(file)
        guard keys.count == 1 else { throw ValidationError("\(file) holds several keys.") }
        try await admin.run { client in
            let authority = NewAuthority(
                name: name,
                kind: .user,
                publicKey: keys[0],
                principals: principal
            )
            print("trusts \(try await client.addAuthority(authority).fingerprint)")
        }
    }
}

struct AuthorityListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists the authorities."
    )

    @OptionGroup var admin: AdminOptions

    func run() async throws {
        try await admin.run { client in
            for authority in try await client.authorities() {
                var traits = [
                    "\(authority.kind.rawValue)s", authority.signs ? "signs" : "trusted",
                    authority.fingerprint,
                ]
                if let until = authority.trustedUntil { traits.append("until \(until)") }
                if !authority.principals.isEmpty {
                    traits.append("only " + authority.principals.joined(separator: " "))
                }
                print("\(authority.name): \(traits.joined(separator: ", "))")
            }
        }
    }
}

struct AuthorityShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract:
            "Prints public keys of authorities, for auth.certificates.trustedCAs and the like."
    )

    @OptionGroup var admin: AdminOptions

    @Argument(help: "What they certify: user or host.")
    var kind: AuthorityKind

    @Option(help: "Print lines for known_hosts that trust them for these hosts, as *.example.com.")
    var knownHosts: String?

    func run() async throws {
        try await admin.run { client in
            for authority in try await client.authorities() where authority.kind == kind {
                let prefix = knownHosts.map { "@cert-authority \($0) " } ?? ""
                print(prefix + line(authority))
            }
        }
    }
}

struct AuthorityRotateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate",
        abstract: "Signs with a new key from now on.",
        discussion: """
            The old key stays trusted for as long as its certificates may be good. Tell whoever \
            holds a copy of the authority's key of the new one before.
            """
    )

    @OptionGroup var admin: AdminOptions

    @Argument(help: "The authority's name.")
    var name: String

    func run() async throws {
        try await admin.run { print(line(try await $0.rotateAuthority(name))) }
    }
}

struct AuthorityRemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Forgets an authority; its certificates are good for nothing any more."
    )

    @OptionGroup var admin: AdminOptions

    @Argument(help: "The authority's name.")
    var name: String

    func run() async throws {
        try await admin.run { client in
            try await client.removeAuthority(name)
            print("removed \(name)")
        }
    }
}

private func line(_ authority: AuthorityRecord) -> String {
    "\(authority.publicKey) \(authority.name)"
}
