import Foundation
import SharedConfig

/// A kubeconfig file, as far as it says how one API server is reached.
package enum Kubeconfig {
    private static let longest = 4 << 20

    /// Reads a file; `context` empty means its current one. Blocks.
    ///
    /// Throws `ClusterUnreachable` with what is wrong.
    package static func load(_ path: String, context: String) throws -> ClusterOptions {
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: path))
        } catch {
            throw ClusterUnreachable("\(path): \(error.localizedDescription)")
        }
        guard data.count <= longest else { throw ClusterUnreachable("\(path) is too long") }
        let folder = URL(filePath: path).absoluteURL.deletingLastPathComponent().path
        return try read(Array(data), context: context, folder: folder)
    }

    /// Names of files in it are relative to `folder`.
    package static func read(
        _ bytes: [UInt8],
        context: String,
        folder: String
    ) throws -> ClusterOptions {
        let tree: ConfigTree
        do {
            tree = try YAMLTree.parse(bytes).tree
        } catch {
            throw ClusterUnreachable("the kubeconfig is no YAML: \(error)")
        }
        let name = context.isEmpty ? tree.text("current-context") : context
        let chosen = try entry("contexts", name, "context", in: tree)
        let cluster = try entry("clusters", chosen.text("cluster"), "cluster", in: tree)
        guard let address = ClusterAddress(cluster.text("server")) else {
            throw ClusterUnreachable("the kubeconfig's cluster has no server")
        }
        guard cluster.text("proxy-url").isEmpty else {
            throw ClusterUnreachable("the kubeconfig's cluster wants a proxy, which we cannot use")
        }
        var options = ClusterOptions(address: address)
        options.serverName = cluster.text("tls-server-name")
        options.isInsecure = cluster["insecure-skip-tls-verify"] == true
        options.trustedRoots = try material(cluster, "certificate-authority", folder)
        guard !chosen.text("user").isEmpty else { return options }
        let user = try entry("users", chosen.text("user"), "user", in: tree)
        if let chain = try material(user, "client-certificate", folder) {
            guard let key = try material(user, "client-key", folder) else {
                throw ClusterUnreachable("the kubeconfig's user has a certificate and no key")
            }
            options.certificate = ClusterCertificate(chain: chain, key: Secret(key))
        }
        options.credentials = try credentials(user, cluster, folder)
        return options
    }

    private static func credentials(
        _ user: ConfigTree,
        _ cluster: ConfigTree,
        _ folder: String
    ) throws -> ClusterCredentials {
        if let command = user["exec"] {
            return .command(try self.command(command, cluster, folder))
        }
        if !user.text("token").isEmpty { return .token(Secret(user.text("token"))) }
        if !user.text("tokenFile").isEmpty {
            return .tokenFile(absolute(user.text("tokenFile"), folder))
        }
        if !user.text("username").isEmpty {
            let password = Secret(user.text("password"))
            return .basic(username: user.text("username"), password: password)
        }
        guard user["auth-provider"] == nil else {
            throw ClusterUnreachable("the kubeconfig's user has an auth-provider, which is no more")
        }
        return .none
    }

    private static func command(
        _ exec: ConfigTree,
        _ cluster: ConfigTree,
        _ folder: String
    ) throws -> CredentialCommand {
        let version = exec.text("apiVersion")
        guard
            [
                "client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1",
            ].contains(version)
        else { throw ClusterUnreachable("the kubeconfig's exec has no version that we know") }
        guard exec.text("interactiveMode") != "Always" else {
            throw ClusterUnreachable("the kubeconfig's exec needs a person")
        }
        // A name with a slash is relative to the file, as kubectl has it.
        let name = exec.text("command")
        guard !name.isEmpty else {
            throw ClusterUnreachable("the kubeconfig's exec has no command")
        }
        let pairs = (exec["env"] ?? .null).elements.map { ($0.text("name"), $0.text("value")) }
        var info = ""
        if exec["provideClusterInfo"] == true {
            info = ConfigTree.map(cluster.members.filter { $0.key != "certificate-authority" }).json
        }
        return CredentialCommand(
            version: version,
            command: name.contains("/") ? absolute(name, folder) : name,
            arguments: (exec["args"] ?? .null).elements.compactMap {
                if case .string(let text) = $0 { text } else { nil }
            },
            environment: Dictionary(pairs) { $1 },
            clusterInfo: info
        )
    }

    private static func entry(
        _ list: String,
        _ name: String,
        _ key: String,
        in tree: ConfigTree
    ) throws -> ConfigTree {
        let found = (tree[list] ?? .null).elements.first { $0.text("name") == name }
        guard !name.isEmpty, let entry = found?[key] else {
            throw ClusterUnreachable("the kubeconfig has no \(key) \"\(name)\"")
        }
        return entry
    }

    /// Text that is in the file itself, or in another one.
    private static func material(
        _ tree: ConfigTree,
        _ key: String,
        _ folder: String
    ) throws -> String? {
        let inline = tree.text("\(key)-data")
        if !inline.isEmpty {
            guard let data = Data(base64Encoded: inline) else {
                throw ClusterUnreachable("the kubeconfig's \(key)-data is no base64")
            }
            return String(decoding: data, as: UTF8.self)
        }
        let path = tree.text(key)
        guard !path.isEmpty else { return nil }
        do {
            return try String(contentsOf: URL(filePath: absolute(path, folder)), encoding: .utf8)
        } catch {
            throw ClusterUnreachable("\(path): \(error.localizedDescription)")
        }
    }

    private static func absolute(_ path: String, _ folder: String) -> String {
        path.hasPrefix("/") ? path : "\(folder)/\(path)"
    }
}
