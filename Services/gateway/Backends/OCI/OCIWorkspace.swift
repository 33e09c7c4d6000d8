import GatewayCore
import GuestAgent
import Logging
import SharedConfig
import SharedLogging
import SharedMessages
import SharedModels
import SharedSSH
import SharedWaiting

/// One connection's container.
final class OCIWorkspace: Workspace {
    let label: String
    private let config: OCIConfig
    private let container: OCIContainer
    private let link: AgentLink
    private let commands: AgentCommands
    private let logger: Logger

    private static let defaultShell = OCIConfig().shellCommand

    init(
        request: WorkspaceRequest,
        config: OCIConfig,
        container: OCIContainer,
        link: AgentLink,
        logger: Logger
    ) {
        label = "container-" + container.id.prefix(12)
        self.config = config
        self.container = container
        self.link = link
        self.logger = logger
        commands = AgentCommands(
            environment: Self.environment(request, config, container.plan),
            shellCommand: config.shellCommand,
            // What a person did not choose may be absent from a small image.
            spareShell: config.shellCommand == Self.defaultShell ? ["/bin/sh"] : [],
            subsystems: config.subsystems,
            folder: container.plan.folder
        )
    }

    private static func environment(
        _ request: WorkspaceRequest,
        _ config: OCIConfig,
        _ plan: ContainerPlan
    ) -> [(name: String, value: RawText)] {
        let user = plan.user.name.isEmpty ? "\(plan.user.user)" : plan.user.name
        var list: [(name: String, value: String)] = [("USER", user), ("LOGNAME", user)]
        list += config.environment.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        if config.exposeAuthMetadataAsEnv {
            list += request.carried.metadata.sorted { $0.key < $1.key }
                .map { ($0.key, $0.value.value) }
        }
        list += request.carried.environment.sorted { $0.key < $1.key }
            .map { ($0.key, $0.value.value) }
        return list.map { ($0.name, RawText($0.value)) }
    }

    func start(_ request: ProgramRequest) async throws -> any Program {
        let program = try await within(
            config.timeouts.commandStart,
            late: CodedError(.ociProgramStartTimeout),
            discard: { await $0?.terminate() },
            { [link, commands] in try await link.start(request, commands) }
        )
        guard let program else { throw CodedError(.ociSubsystemUnknown) }
        return program
    }

    func putFile(_ file: WorkspaceFile) async throws { try await link.putFile(file) }

    func dial(
        _ destination: DialDestination,
        permission: DialPermission
    ) async throws -> any WorkspaceStream {
        try await link.dial(destination, permission: permission)
    }

    func listen(_ place: ListenPlace) async throws -> any WorkspaceListener {
        try await link.listen(place)
    }

    func close() async {
        await link.close()
        await container.discard()
    }
}
