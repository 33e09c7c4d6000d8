extension MessageCode {
    package static let dockerAgentCopied = MessageCode(
        "DOCKER_AGENT_COPIED",
        .notice,
        explanation: "The agent is copied into every container, as its folder cannot be bound into "
            + "them.",
        remedy:
            "Nothing has to be done. Binding is quicker: it takes an engine on this machine and "
            + "a gateway.agent.folder that both the gateway and the engine see. Set "
            + "docker.execution.agent.delivery to copy to say that it is wanted."
    )

    package static let dockerAgentSocketFailed = MessageCode(
        "DOCKER_AGENT_SOCKET_FAILED",
        .warning,
        explanation:
            "The gateway could not make the socket by which a container's agent reaches it "
            + "directly; the agent is reached through the engine, which is slower.",
        remedy:
            "The reason is in the record. The folder links in gateway.agent.folder has to be "
            + "writable, and its path shorter than 80 bytes."
    )

    package static let dockerContainerAdopted = MessageCode(
        "DOCKER_CONTAINER_ADOPTED",
        .info,
        explanation: "A container of the pool belongs to a connection from now on.",
        remedy: "Nothing has to be done. Its labels cannot be changed any more; this record and "
            + "its name, which is that of the connection, say whose it is."
    )

    package static let dockerContainerRenameFailed = MessageCode(
        "DOCKER_CONTAINER_RENAME_FAILED",
        .warning,
        explanation: "A container of the pool could not be given the name of its connection.",
        remedy: "The detail has the engine's words. The container works all the same; the record "
            + "DOCKER_CONTAINER_ADOPTED says whose it is."
    )

    package static let dockerPooledContainerFailed = MessageCode(
        "DOCKER_POOLED_CONTAINER_FAILED",
        .warning,
        explanation: """
            A container that waited, in the pool or for its person, did not answer; the \
            connection got a new one.
            """,
        remedy: "The reason names the failure. Look for paused containers, a lack of memory or an "
            + "engine under heavy load if it comes often."
    )

    /// The codes of the agent in containers of a Docker engine.
    static let dockerAgentCodes: [MessageCode] = [
        dockerAgentCopied, dockerAgentSocketFailed, dockerContainerAdopted,
        dockerContainerRenameFailed,
        dockerPooledContainerFailed,
    ]
}
