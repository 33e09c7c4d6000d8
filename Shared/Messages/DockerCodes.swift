/// Codes of the Docker backend.
extension MessageCode {
    package static let dockerAgentReadFailed = MessageCode(
        "DOCKER_AGENT_READ_FAILED",
        .error,
        explanation: "The guest agent in the container sent no process id, or too little of it.",
        remedy: "Put a matching agent into the image, or set docker.execution.disableAgent."
    )

    package static let dockerCloseInputFailed = MessageCode(
        "DOCKER_CLOSE_INPUT_FAILED",
        .debug,
        explanation: "The input of a program could not be closed.",
        remedy: "Nothing; usually the program had ended."
    )

    package static let dockerCloseOutputFailed = MessageCode(
        "DOCKER_CLOSE_OUTPUT_FAILED",
        .debug,
        explanation: """
            Nobody wants a program's output any more, and the engine cannot close it; what still \
            comes is dropped.
            """,
        remedy: "Nothing."
    )

    package static let dockerConfigError = MessageCode(
        "DOCKER_CONFIG_ERROR",
        .error,
        explanation: "The docker section cannot be used: no image, or an unknown execution mode.",
        personText: """
            Your session is not configured correctly on the server. Please tell its administrator.
            """,
        remedy: "Correct docker.execution in the file or in the configuration server's reply."
    )

    package static let dockerContainerAttach = MessageCode(
        "DOCKER_CONTAINER_ATTACH",
        .debug,
        explanation: "The gateway attaches to the container.",
        remedy: "Nothing."
    )

    package static let dockerContainerAttachFailed = MessageCode(
        "DOCKER_CONTAINER_ATTACH_FAILED",
        .warning,
        explanation: """
            Attaching to the container failed; it is tried again until the time is used up.
            """,
        personText: "Your session could not be started. Please try again later.",
        remedy: "Act on the engine's answer in the record."
    )

    package static let dockerContainerCreate = MessageCode(
        "DOCKER_CONTAINER_CREATE",
        .debug,
        explanation: "A container is being created.",
        remedy: "Nothing."
    )

    package static let dockerContainerCreateFailed = MessageCode(
        "DOCKER_CONTAINER_CREATE_FAILED",
        .error,
        explanation: """
            The container could not be created; it is tried again until the time is used up.
            """,
        personText: "Your session could not be started. Please try again later.",
        remedy: """
            Act on the engine's answer in the record: a missing image, a wrong option or a full \
            disk.
            """
    )

    package static let dockerContainerRemove = MessageCode(
        "DOCKER_CONTAINER_REMOVE",
        .debug,
        explanation: "The container is being removed.",
        remedy: "Nothing."
    )

    package static let dockerContainerRemoveFailed = MessageCode(
        "DOCKER_CONTAINER_REMOVE_FAILED",
        .warning,
        explanation: """
            The container could not be removed; it is tried again, later by any gateway that finds \
            its lease expired.
            """,
        remedy: "Remove it by hand if it stays; act on the engine's answer in the record."
    )

    package static let dockerContainerRemoveSuccessful = MessageCode(
        "DOCKER_CONTAINER_REMOVE_SUCCESSFUL",
        .debug,
        explanation: "The container was removed.",
        remedy: "Nothing."
    )

    package static let dockerContainerShuttingDown = MessageCode(
        "DOCKER_CONTAINER_SHUTTING_DOWN",
        .info,
        explanation: "A program was asked for while the container was being removed.",
        personText: "The session is shutting down.",
        remedy: "Nothing."
    )

    package static let dockerContainerSignal = MessageCode(
        "DOCKER_CONTAINER_SIGNAL",
        .debug,
        explanation: "A signal is being sent to the container.",
        remedy: "Nothing."
    )

    package static let dockerContainerSignalFailed = MessageCode(
        "DOCKER_CONTAINER_SIGNAL_FAILED",
        .debug,
        explanation: "A signal could not be sent to the container.",
        personText: "The signal could not be delivered.",
        remedy: "Act on the engine's answer in the record."
    )

    package static let dockerContainerStart = MessageCode(
        "DOCKER_CONTAINER_START",
        .debug,
        explanation: "The container is being started.",
        remedy: "Nothing."
    )

    package static let dockerContainerStartFailed = MessageCode(
        "DOCKER_CONTAINER_START_FAILED",
        .error,
        explanation: """
            The container could not be started; it is tried again until the time is used up.
            """,
        personText: "Your session could not be started. Please try again later.",
        remedy: """
            Act on the engine's answer in the record: often a command that the image does not \
            have.
            """
    )

    package static let dockerContainerStop = MessageCode(
        "DOCKER_CONTAINER_STOP",
        .debug,
        explanation: "The container is being stopped.",
        remedy: "Nothing."
    )

    package static let dockerContainerStopFailed = MessageCode(
        "DOCKER_CONTAINER_STOP_FAILED",
        .error,
        explanation: """
            The container could not be stopped; it is tried again until the time is used up.
            """,
        remedy: "Act on the engine's answer in the record; stop the container by hand if it stays."
    )

    package static let dockerExec = MessageCode(
        "DOCKER_EXEC",
        .debug,
        explanation: "A program is wanted in the container.",
        remedy: "Nothing."
    )

    package static let dockerExecAttach = MessageCode(
        "DOCKER_EXEC_ATTACH",
        .debug,
        explanation: "The gateway attaches to the program.",
        remedy: "Nothing."
    )

    package static let dockerExecAttachFailed = MessageCode(
        "DOCKER_EXEC_ATTACH_FAILED",
        .warning,
        explanation: "Attaching to the program failed.",
        personText: "Your program could not be started.",
        remedy: "Act on the engine's answer in the record."
    )

    package static let dockerExecCreate = MessageCode(
        "DOCKER_EXEC_CREATE",
        .debug,
        explanation: "The program is being prepared in the container.",
        remedy: "Nothing."
    )

    package static let dockerExecCreateFailed = MessageCode(
        "DOCKER_EXEC_CREATE_FAILED",
        .error,
        explanation: "The program could not be prepared in the container.",
        personText: "Your program could not be started.",
        remedy: "Act on the engine's answer in the record; the container may have ended."
    )

    package static let dockerExecPidReadFailed = MessageCode(
        "DOCKER_EXEC_PID_READ_FAILED",
        .error,
        explanation: """
            The program's process id did not arrive from the guest agent; the program counts as \
            killed.
            """,
        personText: "Your program could not be started.",
        remedy: "Put a matching agent into the image, or set docker.execution.disableAgent."
    )

    package static let dockerExecResize = MessageCode(
        "DOCKER_EXEC_RESIZE",
        .debug,
        explanation: "The program's terminal changes its size.",
        remedy: "Nothing."
    )

    package static let dockerExecResizeFailed = MessageCode(
        "DOCKER_EXEC_RESIZE_FAILED",
        .debug,
        explanation: "The program's terminal could not change its size.",
        personText: "The terminal could not be resized.",
        remedy: "Nothing; usually the program had just ended."
    )

    package static let dockerExecSignal = MessageCode(
        "DOCKER_EXEC_SIGNAL",
        .debug,
        explanation: "A signal is being sent to the program.",
        remedy: "Nothing."
    )

    package static let dockerExecSignalFailed = MessageCode(
        "DOCKER_EXEC_SIGNAL_FAILED",
        .debug,
        explanation: "A signal could not be delivered to the program.",
        personText: "The signal could not be delivered.",
        remedy: "Nothing; usually the program had just ended."
    )

    package static let dockerExecSignalFailedNoAgent = MessageCode(
        "DOCKER_EXEC_SIGNAL_FAILED_NO_AGENT",
        .debug,
        explanation: "A signal was asked for, but without the guest agent none can be delivered.",
        personText: "Signals are not available in this session.",
        remedy: "Put the agent into the image if people need signals."
    )

    package static let dockerExecSignalSuccessful = MessageCode(
        "DOCKER_EXEC_SIGNAL_SUCCESSFUL",
        .debug,
        explanation: "A signal was delivered to the program.",
        remedy: "Nothing."
    )

    package static let dockerExitCode = MessageCode(
        "DOCKER_EXIT_CODE",
        .debug,
        explanation: "The program's exit status is known.",
        remedy: "Nothing."
    )

    package static let dockerExitCodeContainerRestarting = MessageCode(
        "DOCKER_EXIT_CODE_CONTAINER_RESTARTING",
        .warning,
        explanation: "No exit status: the engine is restarting the container.",
        remedy: "Set no restart policy for containers of sessions."
    )

    package static let dockerExitCodeFailed = MessageCode(
        "DOCKER_EXIT_CODE_FAILED",
        .error,
        explanation: """
            The program's exit status could not be found out; it is tried again until the time is \
            used up.
            """,
        remedy: "Act on the engine's answer in the record."
    )

    package static let dockerExitCodeNegative = MessageCode(
        "DOCKER_EXIT_CODE_NEGATIVE",
        .warning,
        explanation: "The engine reported a negative exit status, which means none.",
        remedy: "Look into the engine's log."
    )

    package static let dockerExitCodeStillRunning = MessageCode(
        "DOCKER_EXIT_CODE_STILL_RUNNING",
        .debug,
        explanation: "No exit status yet: the program still runs.",
        remedy: "Nothing; it is asked again."
    )

    package static let dockerGuestAgentDisabled = MessageCode(
        "DOCKER_GUEST_AGENT_DISABLED",
        .warning,
        explanation: "The guest agent is switched off; signals and other functions are missing.",
        remedy: "Put the agent into the image and remove docker.execution.disableAgent."
    )

    package static let dockerImageListing = MessageCode(
        "DOCKER_IMAGE_LISTING",
        .debug,
        explanation: "The engine is asked whether it has the image.",
        remedy: "Nothing."
    )

    package static let dockerImageListingFailed = MessageCode(
        "DOCKER_IMAGE_LISTING_FAILED",
        .warning,
        explanation: "The engine could not say whether it has the image.",
        personText: "Your session could not be started. Please try again later.",
        remedy: "Act on the engine's answer in the record."
    )

    package static let dockerImagePull = MessageCode(
        "DOCKER_IMAGE_PULL",
        .debug,
        explanation: "The image is being pulled.",
        remedy: "Nothing; pull it beforehand to save people the wait."
    )

    package static let dockerImagePullFailed = MessageCode(
        "DOCKER_IMAGE_PULL_FAILED",
        .warning,
        explanation: "The image could not be pulled; it is tried again unless that is pointless.",
        personText: "Your session could not be started. Please try again later.",
        remedy: "Check the image's name, the registry's reachability and docker.execution.auth."
    )

    package static let dockerImagePullNeededChecking = MessageCode(
        "DOCKER_IMAGE_PULL_NEEDED_CHECKING",
        .debug,
        explanation: "Whether the image must be pulled is being decided.",
        remedy: "Nothing."
    )

    package static let dockerProgramAlreadyRunning = MessageCode(
        "DOCKER_PROGRAM_ALREADY_RUNNING",
        .info,
        explanation: "A request came that is only possible before the program runs.",
        personText: "A program is already running on this channel.",
        remedy: "Nothing; the client's mistake."
    )

    package static let dockerSignalFailedNoPid = MessageCode(
        "DOCKER_SIGNAL_FAILED_NO_PID",
        .info,
        explanation: "A signal was asked for, but the program's process id is not known.",
        personText: "The signal could not be delivered.",
        remedy: "Nothing; usually the program had not started yet."
    )

    package static let dockerStreamInputFailed = MessageCode(
        "DOCKER_STREAM_INPUT_FAILED",
        .debug,
        explanation: "Passing input to the program failed.",
        remedy: "Nothing; usually the program had ended."
    )

    package static let dockerStreamOutputFailed = MessageCode(
        "DOCKER_STREAM_OUTPUT_FAILED",
        .error,
        explanation: "Passing the program's output to the client failed.",
        remedy: "Look into the engine's log if clients did not just leave."
    )

    package static let dockerSubsystemNotSupported = MessageCode(
        "DOCKER_SUBSYSTEM_NOT_SUPPORTED",
        .info,
        explanation: "A subsystem was asked for that docker.execution.subsystems does not list.",
        personText: "This subsystem is not supported.",
        remedy: "List it in docker.execution.subsystems if the image has it."
    )

    package static let dockerAgentFailed = MessageCode(
        "DOCKER_AGENT_FAILED",
        .warning,
        explanation: """
            The guest agent could not be started in the container, or ended with an error.
            """,
        remedy: "Put a matching agent into the image."
    )

    package static let dockerAgentLog = MessageCode(
        "DOCKER_AGENT_LOG",
        .info,
        explanation: """
            The guest agent in the container said something; the text comes from the container and \
            is not trusted.
            """,
        remedy: "Nothing."
    )

    package static let dockerFileWrite = MessageCode(
        "DOCKER_FILE_WRITE",
        .debug,
        explanation: "A file is being put into the container.",
        remedy: "Nothing."
    )

    package static let dockerFileWriteFailed = MessageCode(
        "DOCKER_FILE_WRITE_FAILED",
        .warning,
        explanation: "A file could not be put into the container; the login goes on without it.",
        remedy: "Act on the engine's answer in the record."
    )

    package static let dockerForwardingFailed = MessageCode(
        "DOCKER_FORWARDING_FAILED",
        .warning,
        explanation: "A connection into the container could not be set up.",
        personText: "The forwarding could not be set up.",
        remedy: "Put the agent into the image; see whether something listens at the wanted address."
    )

    package static let dockerProgramNotRunning = MessageCode(
        "DOCKER_PROGRAM_NOT_RUNNING",
        .info,
        explanation: "A request came that is only possible while a program runs.",
        personText: "No program is running on this channel.",
        remedy: "Nothing; the client's mistake."
    )

    static let dockerCodes: [MessageCode] = [
        dockerAgentReadFailed, dockerCloseInputFailed, dockerCloseOutputFailed,
        dockerConfigError, dockerContainerAttach, dockerContainerAttachFailed,
        dockerContainerCreate, dockerContainerCreateFailed, dockerContainerRemove,
        dockerContainerRemoveFailed, dockerContainerRemoveSuccessful,
        dockerContainerShuttingDown, dockerContainerSignal, dockerContainerSignalFailed,
        dockerContainerStart, dockerContainerStartFailed, dockerContainerStop,
        dockerContainerStopFailed, dockerExec, dockerExecAttach, dockerExecAttachFailed,
        dockerExecCreate, dockerExecCreateFailed, dockerExecPidReadFailed, dockerExecResize,
        dockerExecResizeFailed, dockerExecSignal, dockerExecSignalFailed,
        dockerExecSignalFailedNoAgent, dockerExecSignalSuccessful, dockerExitCode,
        dockerExitCodeContainerRestarting, dockerExitCodeFailed, dockerExitCodeNegative,
        dockerExitCodeStillRunning, dockerGuestAgentDisabled, dockerImageListing,
        dockerImageListingFailed, dockerImagePull, dockerImagePullFailed,
        dockerImagePullNeededChecking, dockerProgramAlreadyRunning, dockerSignalFailedNoPid,
        dockerStreamInputFailed, dockerStreamOutputFailed, dockerSubsystemNotSupported,
        dockerAgentFailed, dockerAgentLog, dockerFileWrite, dockerFileWriteFailed,
        dockerForwardingFailed, dockerProgramNotRunning,
    ]
}
