import Foundation
import Testing

/// The published contract, held against the daemons by tools that know nothing of them.
@Suite(
    "The contract of the webhooks",
    .timeLimit(.minutes(10)),
    .enabled(if: Surroundings.schemathesis != nil, "no schemathesis beside BERTH_TEST_PYTHON")
)
struct ContractTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../../docs/openapi").standardizedFileURL

    /// Questions made up from a document find nothing wrong in the answers.
    private func run(
        _ installation: Installation,
        _ document: String,
        _ url: String,
        _ options: [String]
    ) async throws {
        let program = try #require(Surroundings.schemathesis)
        // It leaves a cache where it is started.
        let end = try await installation.run(
            "/usr/bin/env",
            [
                "-C", installation.config.folder.path, program, "run",
                Self.folder.appending(path: document).path, "--url", url,
                "--max-examples", "25", "--generation-deterministic", "--checks",
                "not_a_server_error,response_schema_conformance,status_code_conformance",
            ] + options,
            environment: ["HOME": installation.config.folder.path],
            within: .seconds(300)
        )
        #expect(end.status == 0, "\(end.output)\(end.errors)")
    }

    @Test(
        "authd answers everything that webhooks.yaml and its own document describe",
        arguments: [
            (
                "webhooks.yaml",
                ["--include-path-regex", "^/(password|pubkey|certificate|authz|keyboard|gssapi)"]
            ),
            ("authd.yaml", ["--include-tag", "webhook"]),
        ]
    )
    func authd(_ document: String, _ options: [String]) async throws {
        try await Installation.with(daemons: [.authd]) { installation in
            let url = "http://127.0.0.1:\(installation.config.ports.authd)"
            try await run(installation, document, url, options)
        }
    }

    @Test("configd answers everything that webhooks.yaml and its own document describe")
    func configd() async throws {
        try await Installation.with(daemons: [.configd]) { installation in
            let url = "http://127.0.0.1:\(installation.config.ports.configd)"
            try await run(installation, "webhooks.yaml", url, ["--include-path", "/config"])
            try await run(installation, "configd.yaml", url, ["--include-path", "/config"])
        }
    }
}

extension Surroundings {
    /// The program `schemathesis` of the tests' Python.
    fileprivate static var schemathesis: String? {
        guard let python else { return nil }
        let path = URL(filePath: python).deletingLastPathComponent()
            .appending(path: "schemathesis").path
        return FileManager.default.isExecutableFile(atPath: path) ? path : nil
    }
}
