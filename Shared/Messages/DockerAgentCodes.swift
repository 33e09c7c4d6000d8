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

    /// The codes of the agent in containers of a Docker engine.
    static let dockerAgentCodes: [MessageCode] = [dockerAgentCopied]
}
