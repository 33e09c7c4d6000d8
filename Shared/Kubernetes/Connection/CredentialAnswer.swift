import CProcess
import Foundation
import Glibc
import SharedConfig

/// What a credential command has said.
struct CredentialAnswer {
    var token = ""
    var certificate: ClusterCertificate?
    var expires: Date?

    private static let longest = 1 << 20
    /// Such programs ask somebody over the network.
    private static let patience: Int32 = 60_000

    /// Runs the command and reads its answer. Blocks, at most a minute.
    static func ask(_ command: CredentialCommand) throws -> CredentialAnswer {
        try CredentialAnswer(json: run(command), version: command.version)
    }

    /// Reads an `ExecCredential`.
    init(json: [UInt8], version: String) throws {
        guard let tree = try? JSONTree.parse(json).tree, tree.text("kind") == "ExecCredential",
            tree.text("apiVersion") == version
        else { throw ClusterUnreachable("the credential command said no ExecCredential") }
        let status = tree["status"] ?? .null
        token = status.text("token")
        let chain = status.text("clientCertificateData")
        if !chain.isEmpty {
            certificate = ClusterCertificate(
                chain: chain,
                key: Secret(status.text("clientKeyData"))
            )
        }
        guard !token.isEmpty || certificate != nil else {
            throw ClusterUnreachable("the credential command said neither token nor certificate")
        }
        let end = status.text("expirationTimestamp")
        if !end.isEmpty {
            guard let date = try? Date(end, strategy: .iso8601) else {
                throw ClusterUnreachable("the credential command said no date of expiry")
            }
            expires = date
        }
    }

    private static func run(_ command: CredentialCommand) throws -> [UInt8] {
        var reader: Int32 = -1
        var writer: Int32 = -1
        guard unsafe berth_pipe(&reader, &writer, 0) == 0 else {
            throw ClusterUnreachable("no pipe for \(command.command)")
        }
        defer { close(reader) }
        let process: pid_t
        do {
            defer { close(writer) }
            process = try spawn(command, output: writer)
        }
        let said = read(reader)
        if said == nil { kill(process, SIGKILL) }
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
        guard let said else {
            throw ClusterUnreachable("\(command.command) took too long or said too much")
        }
        guard status == 0 else {
            throw ClusterUnreachable("\(command.command) ended with wait status \(status)")
        }
        return said
    }

    private static func spawn(_ command: CredentialCommand, output: Int32) throws -> pid_t {
        var environment = ProcessInfo.processInfo.environment
        environment.merge(command.environment) { $1 }
        let cluster = command.clusterInfo.isEmpty ? "" : ",\"cluster\":\(command.clusterInfo)"
        environment["KUBERNETES_EXEC_INFO"] =
            "{\"apiVersion\":\"\(command.version)\",\"kind\":\"ExecCredential\","
            + "\"spec\":{\"interactive\":false\(cluster)}}"
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, output, 1)
        unsafe posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        var process: pid_t = 0
        var arguments = unsafe strings([command.command] + command.arguments)
        var variables = unsafe strings(environment.map { "\($0)=\($1)" })
        defer {
            unsafe release(arguments)
            unsafe release(variables)
        }
        let error = unsafe posix_spawnp(
            &process,
            command.command,
            &actions,
            nil,
            &arguments,
            &variables
        )
        guard error == 0 else {
            throw ClusterUnreachable(
                "\(command.command): \(unsafe String(cString: strerror(error)))"
            )
        }
        return process
    }

    /// All that is said until the end; `nil` when that takes too long or is too much.
    private static func read(_ descriptor: Int32) -> [UInt8]? {
        let end = ContinuousClock.now + .milliseconds(patience)
        var said: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while said.count <= longest {
            let left = (end - .now).components
            let time = left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard time > 0, unsafe poll(&entry, 1, Int32(clamping: time)) > 0 else { return nil }
            let count = unsafe Glibc.read(descriptor, &piece, piece.count)
            guard count > 0 else { return count == 0 ? said : nil }
            said += piece[..<count]
        }
        return nil
    }
}

/// A list of C strings that ends with a null pointer; its owner frees it.
private func strings(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] {
    unsafe texts.map { unsafe strdup($0) } + [nil]
}

private func release(_ list: [UnsafeMutablePointer<CChar>?]) {
    for index in unsafe list.indices { unsafe free(list[index]) }
}
