/// Codes of the Kubernetes backend that ContainerSSH does not have in its list.
extension MessageCode {
    package static let kubernetesPodNotFound = MessageCode(
        "KUBERNETES_POD_NOT_FOUND",
        .info,
        explanation: "The pod that the mode persistent is to use is not there.",
        personText: "Your container does not exist.",
        remedy: "Make the pod, or set kubernetes.pod.createMissingPods."
    )

    package static let kubernetesPodFound = MessageCode(
        "KUBERNETES_POD_FOUND",
        .debug,
        explanation: "A pod that was to be made is there already; it is used.",
        remedy: "Nothing."
    )

    package static let kubernetesPodUnschedulable = MessageCode(
        "KUBERNETES_POD_UNSCHEDULABLE",
        .warning,
        explanation: "No node of the cluster takes the pod at the moment.",
        personText: "There is no room for your session at the moment. Please try again later.",
        remedy: "See the scheduler's words in the detail: requests, quotas, node selectors, taints."
    )

    package static let kubernetesImagePullFailed = MessageCode(
        "KUBERNETES_IMAGE_PULL_FAILED",
        .error,
        explanation: "A node cannot pull an image of the pod.",
        personText: "The image of your container is not available.",
        remedy: "Check the image's name and spec.imagePullSecrets; the detail has the node's words."
    )

    package static let kubernetesPodEvicted = MessageCode(
        "KUBERNETES_POD_EVICTED",
        .warning,
        explanation: "The cluster took a pod off its node while somebody used it.",
        personText: "Your container was evicted: its machine needs the room, or is shut down.",
        remedy: "The detail has the reason. Give pods requests that fit, and nodes some room."
    )

    package static let kubernetesPodOutOfMemory = MessageCode(
        "KUBERNETES_POD_OUT_OF_MEMORY",
        .info,
        explanation: "A pod's container was killed as it used more memory than its limit.",
        personText: "Your container was ended: it used more memory than it may.",
        remedy: "Nothing, or raise resources.limits.memory in kubernetes.pod.spec."
    )

    package static let kubernetesPodDeleted = MessageCode(
        "KUBERNETES_POD_DELETED",
        .warning,
        explanation: "Somebody removed a pod while it was used.",
        personText: "Your container was removed.",
        remedy: "Find out who did it, for example in the cluster's audit log."
    )

    package static let kubernetesPodEnded = MessageCode(
        "KUBERNETES_POD_ENDED",
        .info,
        explanation: "A pod, or the container that people are in, has ended by itself.",
        personText: "Your container has ended.",
        remedy: "The detail has its status; see whether its command and image are right."
    )

    package static let kubernetesStreamLost = MessageCode(
        "KUBERNETES_STREAM_LOST",
        .warning,
        explanation: """
            The stream into a pod that goes on was lost, with the programs of its connection.
            """,
        personText: "The connection to your container was lost. Please log in again.",
        remedy: "See whether the API server was restarted, or something between cut the stream."
    )

    package static let kubernetesPodIdle = MessageCode(
        "KUBERNETES_POD_IDLE",
        .info,
        explanation: "A person's pod is removed, as nobody used it for kubernetes.pod.idleTimeout.",
        remedy: "Nothing."
    )

    package static let kubernetesPodAdopted = MessageCode(
        "KUBERNETES_POD_ADOPTED",
        .debug,
        explanation: "A pod of the pool is a connection's from now on.",
        remedy: "Nothing."
    )

    package static let kubernetesPooledPodFailed = MessageCode(
        "KUBERNETES_POOLED_POD_FAILED",
        .warning,
        explanation: "A pod of the pool did not answer; the connection gets a new one.",
        remedy: "See whether nodes were restarted; nothing if it happens seldom."
    )

    package static let kubernetesPodMarkFailed = MessageCode(
        "KUBERNETES_POD_MARK_FAILED",
        .warning,
        explanation: "Labels or annotations of a pod could not be changed.",
        remedy: """
            Give the gateway the right to patch pods: without the mark that it holds a pod, the \
            pod may be taken for one that a dead gateway left.
            """
    )

    package static let kubernetesWatchFailed = MessageCode(
        "KUBERNETES_WATCH_FAILED",
        .debug,
        explanation: "The watch on a pod broke off; it is taken up again.",
        remedy: "Nothing, unless it goes on: then see whether the gateway may watch pods."
    )

    package static let kubernetesAgentCopied = MessageCode(
        "KUBERNETES_AGENT_COPIED",
        .debug,
        explanation: "The agent is copied into a running pod.",
        remedy: "Nothing; with kubernetes.pod.agent.image pods start a little quicker."
    )

    package static let kubernetesExecFailed = MessageCode(
        "KUBERNETES_EXEC_FAILED",
        .error,
        explanation: "A program could not be started in the pod.",
        personText: "The program could not be started.",
        remedy: "The detail has the cluster's words; the gateway needs the right to pods/exec."
    )

    package static let kubernetesCloseInputUnsupported = MessageCode(
        "KUBERNETES_CLOSE_INPUT_UNSUPPORTED",
        .warning,
        explanation: """
            The end of a program's input cannot be told: the API server speaks no \
            v5.channel.k8s.io.
            """,
        remedy: "Use a server from 1.30 on, or the agent, which does not need it."
    )

    package static let kubernetesFileWrite = MessageCode(
        "KUBERNETES_FILE_WRITE",
        .debug,
        explanation: "A file is being written into the pod.",
        remedy: "Nothing."
    )

    package static let kubernetesFileWriteFailed = MessageCode(
        "KUBERNETES_FILE_WRITE_FAILED",
        .warning,
        explanation: "A file could not be written into the pod.",
        personText: "A file that belongs to your session could not be written.",
        remedy: "The detail holds path and reason, often a read-only root or a user without rights."
    )

    package static let kubernetesForwardingFailed = MessageCode(
        "KUBERNETES_FORWARDING_FAILED",
        .info,
        explanation: "Forwarding was asked for where there is none: without agent, or in a mode.",
        personText: "Forwarding is not available in this session.",
        remedy: "Use the agent and the mode connection or persistent if people need forwarding."
    )

    static let kubernetesLifecycleCodes: [MessageCode] = [
        kubernetesPodNotFound, kubernetesPodFound, kubernetesPodUnschedulable,
        kubernetesImagePullFailed, kubernetesPodEvicted, kubernetesPodOutOfMemory,
        kubernetesPodDeleted, kubernetesPodEnded, kubernetesStreamLost, kubernetesPodIdle,
        kubernetesPodAdopted,
        kubernetesPooledPodFailed, kubernetesPodMarkFailed, kubernetesWatchFailed,
        kubernetesAgentCopied, kubernetesExecFailed, kubernetesCloseInputUnsupported,
        kubernetesFileWrite, kubernetesFileWriteFailed, kubernetesForwardingFailed,
    ]
}
