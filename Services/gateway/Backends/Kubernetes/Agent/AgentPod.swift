import GatewayCore
import GuestAgent
import Logging
import NIOCore
import NIOPosix
import SharedConfig
import SharedKubernetes
import SharedLogging
import SharedMessages
import SharedWaiting

/// A running pod with an agent that has not been greeted.
struct AgentPod: Sendable {
    let pod: Pod
    let container: String
    let transport: PodTransport
    let stream: PodStream
    let follower: PodFollower
    /// `nil` for a pod that stays when everybody leaves.
    let remover: PodRemover?
    let client: ClusterClient
    /// Whether the agent's own programs are not in its PATH yet.
    var lacksPath = false

    /// Greets the agent. What throws has discarded a pod that does not stay.
    func greet(
        _ config: KubernetesConfig,
        within patience: Duration,
        _ logger: Logger
    ) async throws -> AgentLink {
        let hasHostNetwork = config.pod.spec["hostNetwork"] == true
        do {
            let link = try await AgentLink.open(
                over: transport,
                on: stream.eventLoop,
                options: AgentLinkOptions(
                    helloTimeout: patience,
                    network: hasHostNetwork ? .gateway : .workspace,
                    dialTimeout: config.timeouts.commandStart
                ),
                logger: logger
            )
            logger.emit(.kubernetesPidReceived, ["pid": "\(link.process)"])
            return link
        } catch {
            let why = follower.end.isSettled ? try? await follower.end.value() : nil
            let log = await log()
            if remover == nil { await stream.close() } else { await discard() }
            guard let error = error as? CodedError else { throw error }
            let words = [transport.lastWords, log].filter { !$0.isEmpty }.joined(separator: "; ")
            throw why
                ?? CodedError(
                    .kubernetesPodWaitFailed,
                    detail: "the agent does not answer: \(words)",
                    cause: error
                )
        }
    }

    /// What its first process has said, as far as it is of use in a message.
    private func log() async -> String {
        guard remover != nil else { return "" }
        let text = try? await within(.seconds(2), late: CancellationError()) {
            try await client.log(
                pod.name,
                namespace: pod.namespace,
                container: container,
                lines: 5
            )
        }
        // Without the right to read logs there are no words.
        return String((text ?? "").suffix(300))
    }

    func discard() async {
        await remover?.remove(pod.name, uid: pod.uid)
        await follower.stop()
        await stream.close()
    }
}

/// Brings the agent into pods.
struct AgentBringer: Sendable {
    let files: AgentFiles
    let config: KubernetesConfig
    let logger: Logger

    /// An agent in a pod that was made for it. What throws has discarded the pod.
    func agent(of opening: PodOpening) async throws -> AgentPod {
        let running = try await opening.run()
        guard let lifeline = running.lifeline else {
            throw CodedError(.kubernetesPodWaitFailed, detail: "the pod has no lifeline")
        }
        do {
            if opening.plan.first == .agentToCome {
                try await bring(running)
                try await lifeline.send([ByteBuffer(string: PodScripts.go + "\n")]).get()
            }
            return AgentPod(
                pod: running.pod,
                container: running.container,
                transport: PodTransport(lifeline),
                stream: lifeline,
                follower: running.follower,
                remover: running.remover,
                client: running.client,
                lacksPath: opening.plan.first != .agentToCome
            )
        } catch {
            let why = running.follower.end.isSettled ? try? await running.follower.end.value() : nil
            await running.discard()
            throw why ?? CodedError.of(error, .kubernetesPodWaitFailed)
        }
    }

    /// Copies the agent into a running pod.
    func bring(_ running: RunningPod) async throws {
        let program = try await NIOThreadPool.singleton.runIfActive { [files] in
            try files.program()
        }
        logger.emit(.kubernetesAgentCopied, ["podName": "\(running.pod.name)"])
        let execs = PodExecs(
            client: running.client,
            pod: running.pod,
            container: running.container,
            config: config,
            loop: running.follower.eventLoop,
            logger: logger
        )
        let result = try await execs.run(
            PodScripts.takeAgent(size: program.count),
            input: ByteBuffer(bytes: program)
        )
        let folder = result.output.split(separator: "\n").last.map(String.init) ?? ""
        guard result.status == 0, PodScripts.folders.contains(folder) else {
            throw CodedError(
                .kubernetesPodWaitFailed,
                detail: "the agent cannot be copied into the pod: \(result.output)"
            )
        }
    }
}
