extension MessageCode {
    package static let containerOutOfMemory = MessageCode(
        "CONTAINER_OUT_OF_MEMORY",
        .warning,
        explanation: "The kernel has killed a person's program, or their whole container, because "
            + "it needed more memory than it may have.",
        personText: "Your container has run out of memory.",
        remedy: "Raise the container's limit of memory (docker.execution.host.memory, oci.memory), "
            + "or have less done at a time."
    )

    package static let dockerContainerEnded = MessageCode(
        "DOCKER_CONTAINER_ENDED",
        .warning,
        explanation: "A container without an agent ended, or was started anew, while a program ran "
            + "in it.",
        personText: "Your container has ended.",
        remedy: "Look why: removed or killed by hand, or a restart of the engine."
    )

    package static let dockerRemovalOwed = MessageCode(
        "DOCKER_REMOVAL_OWED",
        .info,
        explanation: "A container that could not be removed, or may have been made after its "
            + "creation was given up, is looked at again until the engine answers.",
        remedy: "Nothing for a single one; for many, see what is the matter with the engine."
    )

    static let containerFaultCodes: [MessageCode] = [
        containerOutOfMemory, dockerContainerEnded, dockerRemovalOwed,
    ]
}
