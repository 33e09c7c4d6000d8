import Foundation
import Testing

/// What renders charts.
private enum ChartTools {
    static let areThere = ["github.com/Masterminds/sprig", "sigs.k8s.io/yaml"].allSatisfy {
        FileManager.default.fileExists(atPath: "/usr/share/gocode/src/\($0)")
    }
}

/// The Helm chart, rendered by Go's template engine and sprig, which are what Helm is made of.
@Suite(
    "The Helm chart",
    .enabled(if: ChartTools.areThere, "needs the Go packages of deploy/dev/deps.sh test"),
    .timeLimit(.minutes(10))
)
struct ChartTests {
    private static let folder = Surroundings.root.appending(path: "deploy/kubernetes")

    private func run(_ words: [String], in folder: URL) async throws -> Program.End {
        try await Program(
            "/usr/bin/env",
            words,
            files: folder.appending(path: UUID().uuidString)
        ).end(within: .seconds(300))
    }

    /// What the chart makes with these changes of its values, by template; `nil` where it refuses.
    private func render(_ values: String, in folder: URL) async throws -> [String: String] {
        let file = folder.appending(path: "values.yaml")
        try Data(values.utf8).write(to: file)
        let out = folder.appending(path: "out")
        try FileManager.default.createDirectory(at: out, withIntermediateDirectories: true)
        let script = Self.folder.appending(path: "render.sh").path
        let end = try await run([script, "-values", file.path, "-out", out.path], in: folder)
        try #require(end.status == 0, "\(end.errors)")
        var texts: [String: String] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: out.path) {
            texts[name] = try String(contentsOf: out.appending(path: name), encoding: .utf8)
        }
        return texts
    }

    @Test("the manifests beside it are what it makes")
    func fresh() async throws {
        let folder = try Surroundings.temporaryFolder("chart")
        let texts = try await render("createNamespace: true", in: folder)
        #expect(texts.count == 9)
        for (name, text) in texts {
            let file = Self.folder.appending(path: name)
            let written = try String(contentsOf: file, encoding: .utf8)
            #expect(written == text, "\(name): run deploy/kubernetes/render.sh")
        }
    }

    static let variants = [
        "{}",
        """
        people: {namespace: team, create: false, forbiddenNetworks: [10.0.0.0/8]}
        gateway: {service: {type: ClusterIP, port: 2222, annotations: {a/b: "c"}}}
        serviceMonitor: {enabled: false}
        networkPolicy: {enabled: false}
        """,
        """
        createNamespace: true
        image: {registry: example.org/berth, tag: v1, pullPolicy: Always, pullSecrets: [one, two]}
        auditd: {replicas: 3, maxReplicas: 5, spoolAge: 60, storage: 1Ti, storageClass: fast}
        authd: {storageClass: fast}
        gateway: {service: {type: NodePort}, grace: 10, targetCPU: 50}
        configd: {rules: {a.yaml: "rules: []", b.yaml: "rules: []"}}
        config: {audit: {enable: false}, log: {level: debug}, ssh: {maxConnections: 0}}
        """,
    ]

    @Test(
        "whatever it is told, an API server of 1.34 would take it to the letter",
        .enabled(if: Surroundings.python != nil, Surroundings.pythonReason),
        arguments: variants
    )
    func valid(_ values: String) async throws {
        let folder = try Surroundings.temporaryFolder("chart")
        let texts = try await render(values, in: folder)
        let files = texts.filter { $0.value.contains("kind:") }.keys.sorted()
            .map { folder.appending(path: "out/\($0)").path }
        let python = try #require(Surroundings.python)
        let end = try await run(
            [python, "-m", "kubernetes_validate", "--strict", "-k", "1.34"] + files,
            in: folder
        )
        #expect(end.status == 0, "\(end.output) \(end.errors)")
        let passed = (end.output + end.errors).components(separatedBy: " passed for ").count - 1
        let objects = texts.values.map { $0.components(separatedBy: "\nkind:").count - 1 }
        let monitors = texts.values.count { $0.contains("kind: ServiceMonitor") }
        #expect(passed == objects.reduce(0, +) - monitors)
    }

    @Test("its values arrive: false and 0 in the configuration, secrets, classes, switches")
    func values() async throws {
        let folder = try Surroundings.temporaryFolder("chart")
        let all = try await render(Self.variants[2], in: folder)
        let config = try #require(all["config.yaml"])
        #expect(config.contains("audit:\n      enable: false\n      format: binary"))
        #expect(config.contains("maxConnections: 0"))
        #expect(config.contains("image: example.org/berth/agent:v1"))
        #expect(all["auditd.yaml"]?.contains("storageClassName: fast") == true)
        #expect(all["gateway.yaml"]?.contains("- name: two") == true)
        #expect(all["00-namespace.yaml"]?.contains("name: berth\n") == true)
        let bare = try await render(
            Self.variants[1],
            in: try Surroundings.temporaryFolder("chart")
        )
        #expect(bare["network.yaml"] == nil)
        #expect(bare["metricsd.yaml"]?.contains("ServiceMonitor") == false)
        #expect(bare["rbac.yaml"]?.contains("namespace: team") == true)
    }
}
