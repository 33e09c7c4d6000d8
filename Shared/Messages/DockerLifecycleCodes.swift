/// Codes about containers that outlive a connection.
extension MessageCode {
    package static let dockerContainerNotFound = MessageCode(
        "DOCKER_CONTAINER_NOT_FOUND",
        .warning,
        explanation: """
            The container of a person in the mode persistent does not exist, and \
            docker.execution.createMissing is off.
            """,
        personText: "There is no container for you yet. Please ask your administrator for it.",
        remedy: "Make the container, correct docker.execution.containername or set createMissing."
    )

    package static let dockerContainerFound = MessageCode(
        "DOCKER_CONTAINER_FOUND",
        .debug,
        explanation: "A person's container is there already; the connection uses it.",
        remedy: "Nothing."
    )

    package static let dockerContainerIdle = MessageCode(
        "DOCKER_CONTAINER_IDLE",
        .info,
        explanation: """
            Nothing happened in a person's container for docker.execution.idleTimeout; it is \
            stopped, and what ran in it without a word is ended.
            """,
        personText: "Your session was ended because nothing happened in it for too long.",
        remedy: "Nothing; the next login starts it again."
    )

    package static let dockerContainerStartedAgain = MessageCode(
        "DOCKER_CONTAINER_STARTED_AGAIN",
        .info,
        explanation: """
            A person's container was stopped, by whoever saw nobody use it, in the moment in which \
            they came; it is started again for them.
            """,
        remedy: "Nothing, unless it happens often: then find out who stops it."
    )

    package static let dockerContainerKept = MessageCode(
        "DOCKER_CONTAINER_KEPT",
        .info,
        explanation: """
            The connection has ended; its container waits for the same person for \
            docker.execution.resume.
            """,
        remedy: "Nothing."
    )

    package static let dockerContainerResumed = MessageCode(
        "DOCKER_CONTAINER_RESUMED",
        .info,
        explanation: "A person came back in time and has the container of the last connection.",
        remedy: "Nothing."
    )

    package static let dockerProgramResumed = MessageCode(
        "DOCKER_PROGRAM_RESUMED",
        .info,
        explanation: """
            A person came back in time and sees the program again, with its terminal's screen, \
            that went on when their last connection ended.
            """,
        remedy: "Nothing."
    )

    /// The codes of this file.
    static let dockerLifecycleCodes: [MessageCode] = [
        dockerContainerNotFound, dockerContainerFound, dockerContainerIdle, dockerContainerKept,
        dockerContainerResumed, dockerContainerStartedAgain, dockerProgramResumed,
    ]
}
