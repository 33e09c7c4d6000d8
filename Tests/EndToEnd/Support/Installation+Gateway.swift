import Foundation
import Glibc
import SharedMessages
import Testing

extension Installation {
    /// A login that takes any host key: for gateways that were started in another way.
    static let anyHost = Login.with("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null")

    static let gatewayProgram = Surroundings.programs.appending(path: "berth-gateway").path

    /// Starts a gateway by a shell script, in which `"$@"` is its command line.
    func launchGateway(
        script: String,
        _ settings: [String] = [],
        environment: [String: String] = [:]
    ) throws -> Program {
        let codes = try Surroundings.codesFile()
        return try launch(
            "/bin/bash",
            ["-c", script, "bash", Self.gatewayProgram] + arguments(.gateway)
                + settings.flatMap { ["--set", $0] },
            environment: environment.merging(["BERTH_CODES_FILE": codes]) { $1 }
        )
    }

    /// Waits until the gateway says that it is ready.
    func awaitGateway(_ program: Program) async throws {
        try await wait(for: "the gateway is ready; it wrote: \(program.output)") {
            if kill(program.id, 0) != 0 {
                throw NotInTime(description: "the gateway ended: \(program.output)")
            }
            return try await get(config.readyURL(.gateway)) != nil
        }
    }

    /// Writes another configuration file and has the gateway read it.
    func reload(_ change: (String) -> String) throws {
        let file = URL(filePath: config.file)
        let text = try String(contentsOf: file, encoding: .utf8)
        try Data(change(text).utf8).write(to: file)
        try process(.gateway).send(SIGHUP)
    }

    /// How often the gateway has logged `code`.
    func count(_ code: MessageCode) -> Int {
        log(.gateway).components(separatedBy: "\"\(code.id)\"").count - 1
    }

    func awaitCount(_ count: Int, of code: MessageCode) async throws {
        try await wait(for: "\(count) times \(code.id)") { self.count(code) >= count }
    }

    /// Logs in over a connection that a proxy made, with `header` in front.
    func sshBehindProxy(
        _ header: String,
        _ command: String,
        port: Int? = nil
    ) async throws -> Program.End {
        let place = "/dev/tcp/127.0.0.1/\(port ?? config.ports.ssh)"
        let script = "exec 3<>\(place) 4<&0; printf '\(header)' >&3; cat <&4 >&3 & cat <&3; kill $!"
        let file = config.path("proxy-\(UUID().uuidString)")
        try Data(script.utf8).write(to: URL(filePath: file))
        return try await ssh(command, .with("ProxyCommand=/bin/bash \(file)"))
    }
}
