/// Codes of the Kubernetes backend.
extension MessageCode {
    package static let kubernetesCloseOutputFailed = MessageCode(
        "KUBERNETES_CLOSE_OUTPUT_FAILED",
        .debug,
        explanation: "The channel to the client could not be closed after its program ended.",
        remedy: "Nothing; usually the client was gone."
    )

    package static let kubernetesConfigError = MessageCode(
        "KUBERNETES_CONFIG_ERROR",
        .error,
        explanation: "No API client can be built from kubernetes.connection.",
        personText: """
            Your session is not configured correctly on the server. Please tell its administrator.
            """,
        remedy: "Correct host, certificates and token in kubernetes.connection."
    )

    package static let kubernetesExec = MessageCode(
        "KUBERNETES_EXEC",
        .debug,
        explanation: "A program is wanted in the pod.",
        remedy: "Nothing."
    )

    package static let kubernetesExecResize = MessageCode(
        "KUBERNETES_EXEC_RESIZE",
        .debug,
        explanation: "The program's terminal changes its size.",
        remedy: "Nothing."
    )

    package static let kubernetesExecResizeFailed = MessageCode(
        "KUBERNETES_EXEC_RESIZE_FAILED",
        .debug,
        explanation: "The program's terminal could not change its size.",
        personText: "The terminal could not be resized.",
        remedy: "Nothing; usually the program had just ended."
    )

    package static let kubernetesExecSignal = MessageCode(
        "KUBERNETES_EXEC_SIGNAL",
        .debug,
        explanation: "A signal is being sent to the program.",
        remedy: "Nothing."
    )

    package static let kubernetesExecSignalFailed = MessageCode(
        "KUBERNETES_EXEC_SIGNAL_FAILED",
        .debug,
        explanation: "A signal could not be delivered to the program.",
        personText: "The signal could not be delivered.",
        remedy: """
            Nothing, if the program had just ended; else see whether the image has a matching \
            agent.
            """
    )

    package static let kubernetesExecSignalFailedNoAgent = MessageCode(
        "KUBERNETES_EXEC_SIGNAL_FAILED_NO_AGENT",
        .debug,
        explanation: "A signal was asked for, but without the guest agent none can be delivered.",
        personText: "Signals are not available in this session.",
        remedy: "Put the agent into the image if people need signals."
    )

    package static let kubernetesExecSignalSuccessful = MessageCode(
        "KUBERNETES_EXEC_SIGNAL_SUCCESSFUL",
        .debug,
        explanation: "A signal was delivered to the program.",
        remedy: "Nothing."
    )

    package static let kubernetesExitCodeFailed = MessageCode(
        "KUBERNETES_EXIT_CODE_FAILED",
        .error,
        explanation: """
            The program's exit status could not be found out; it is tried again until the time is \
            used up.
            """,
        remedy: "See whether the pod was evicted or deleted by somebody else."
    )

    package static let kubernetesGuestAgentDisabled = MessageCode(
        "KUBERNETES_GUEST_AGENT_DISABLED",
        .warning,
        explanation: "The guest agent is switched off; signals and other functions are missing.",
        remedy: "Put the agent into the image and remove kubernetes.pod.disableAgent."
    )

    package static let kubernetesPidReceived = MessageCode(
        "KUBERNETES_PID_RECEIVED",
        .debug,
        explanation: "The guest agent told the program's process id.",
        remedy: "Nothing."
    )

    package static let kubernetesPodAttach = MessageCode(
        "KUBERNETES_POD_ATTACH",
        .debug,
        explanation: "The gateway attaches to the pod.",
        remedy: "Nothing."
    )

    package static let kubernetesPodCreate = MessageCode(
        "KUBERNETES_POD_CREATE",
        .debug,
        explanation: "A pod is being created.",
        remedy: "Nothing."
    )

    package static let kubernetesPodCreateFailed = MessageCode(
        "KUBERNETES_POD_CREATE_FAILED",
        .error,
        explanation: "The pod could not be created; it is tried again until the time is used up.",
        personText: "Your session could not be started. Please try again later.",
        remedy: """
            Act on the API server's answer in the record: quota, admission rules or permissions.
            """
    )

    package static let kubernetesPodRemove = MessageCode(
        "KUBERNETES_POD_REMOVE",
        .debug,
        explanation: "The pod is being removed.",
        remedy: "Nothing."
    )

    package static let kubernetesPodRemoveFailed = MessageCode(
        "KUBERNETES_POD_REMOVE_FAILED",
        .error,
        explanation: "The pod could not be removed; it is tried again until the time is used up.",
        remedy: "Remove it by hand if it stays; act on the API server's answer in the record."
    )

    package static let kubernetesPodRemoveSuccessful = MessageCode(
        "KUBERNETES_POD_REMOVE_SUCCESSFUL",
        .debug,
        explanation: "The pod was removed, or was gone already.",
        remedy: "Nothing."
    )

    package static let kubernetesPodShuttingDown = MessageCode(
        "KUBERNETES_POD_SHUTTING_DOWN",
        .info,
        explanation: "A program was asked for while the pod was being removed.",
        personText: "The session is shutting down.",
        remedy: "Nothing."
    )

    package static let kubernetesPodWait = MessageCode(
        "KUBERNETES_POD_WAIT",
        .debug,
        explanation: "The gateway waits for the pod to start.",
        remedy: "Nothing."
    )

    package static let kubernetesPodWaitFailed = MessageCode(
        "KUBERNETES_POD_WAIT_FAILED",
        .error,
        explanation: "The pod did not start in time, failed, or was deleted meanwhile.",
        personText: "Your session could not be started. Please try again later.",
        remedy: "Look at the pod's events: image, scheduling, limits."
    )

    package static let kubernetesProgramAlreadyRunning = MessageCode(
        "KUBERNETES_PROGRAM_ALREADY_RUNNING",
        .info,
        explanation: "A request came that is only possible before the program runs.",
        personText: "A program is already running on this channel.",
        remedy: "Nothing; the client's mistake."
    )

    package static let kubernetesProgramNotRunning = MessageCode(
        "KUBERNETES_PROGRAM_NOT_RUNNING",
        .info,
        explanation: "A request came that is only possible while a program runs.",
        personText: "No program is running on this channel.",
        remedy: "Nothing; the client's mistake."
    )

    package static let kubernetesSignalFailedExited = MessageCode(
        "KUBERNETES_SIGNAL_FAILED_EXITED",
        .info,
        explanation: "A signal was asked for after the program had ended.",
        personText: "The signal could not be delivered: the program has ended.",
        remedy: "Nothing."
    )

    package static let kubernetesSignalFailedNoPid = MessageCode(
        "KUBERNETES_SIGNAL_FAILED_NO_PID",
        .info,
        explanation: "A signal was asked for, but the program's process id is not known.",
        personText: "The signal could not be delivered.",
        remedy: "Nothing; usually the program had not started yet."
    )

    package static let kubernetesSubsystemNotSupported = MessageCode(
        "KUBERNETES_SUBSYSTEM_NOT_SUPPORTED",
        .info,
        explanation: "A subsystem was asked for that kubernetes.pod.subsystems does not list.",
        personText: "This subsystem is not supported.",
        remedy: "List it in kubernetes.pod.subsystems if the image has it."
    )

    package static let kuberunDeprecated = MessageCode(
        "KUBERUN_DEPRECATED",
        .warning,
        explanation: """
            The configuration chooses the backend kuberun, which the backend kubernetes has \
            replaced.
            """,
        remedy: "Choose the backend kubernetes and move the settings there."
    )

    package static let kuberunExecDisabled = MessageCode(
        "KUBERUN_EXEC_DISABLED",
        .info,
        explanation:
            "A command was refused, as kubernetes.pod.disableCommand, once kuberun's, forbids them.",
        personText: "Running commands is not allowed.",
        remedy: "Use security.command instead of the old key."
    )

    package static let kuberunInsecure = MessageCode(
        "KUBERUN_INSECURE",
        .warning,
        explanation: """
            kuberun.connection.insecure is set: the API server's certificate is not verified.
            """,
        remedy: "Configure the API server's certificate and remove the key."
    )

    static let kubernetesCodes: [MessageCode] = [
        kubernetesCloseOutputFailed, kubernetesConfigError, kubernetesExec,
        kubernetesExecResize, kubernetesExecResizeFailed, kubernetesExecSignal,
        kubernetesExecSignalFailed, kubernetesExecSignalFailedNoAgent,
        kubernetesExecSignalSuccessful, kubernetesExitCodeFailed, kubernetesGuestAgentDisabled,
        kubernetesPidReceived, kubernetesPodAttach, kubernetesPodCreate,
        kubernetesPodCreateFailed, kubernetesPodRemove, kubernetesPodRemoveFailed,
        kubernetesPodRemoveSuccessful, kubernetesPodShuttingDown, kubernetesPodWait,
        kubernetesPodWaitFailed, kubernetesProgramAlreadyRunning, kubernetesProgramNotRunning,
        kubernetesSignalFailedExited, kubernetesSignalFailedNoPid,
        kubernetesSubsystemNotSupported, kuberunDeprecated, kuberunExecDisabled,
        kuberunInsecure,
    ]
}
