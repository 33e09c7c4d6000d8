extension MessageCode {
    package static let agentHelloFailed = MessageCode(
        "AGENT_HELLO_FAILED",
        .error,
        explanation: "The agent in a container did not answer, or not in a version of ours.",
        personText: "Your container could not be prepared.",
        remedy: "See the detail and the lines before it: the agent may lack the rights to "
            + "run, be of another release than the gateway, or the machine be under heavy "
            + "load."
    )

    package static let agentLost = MessageCode(
        "AGENT_LOST",
        .error,
        explanation: "The stream to the agent in a container has ended while a connection still "
            + "used it.",
        personText: "Your container has ended.",
        remedy: "Look why the container or the engine went away: out of memory, removed by "
            + "hand, a restart."
    )

    package static let agentViolation = MessageCode(
        "AGENT_VIOLATION",
        .warning,
        explanation: "The agent in a container did not keep to its protocol; the container was "
            + "ended.",
        personText: "Your container has ended.",
        remedy: "Find out who could replace or stop the agent inside the container; if "
            + "nobody, agent and gateway are of different releases."
    )

    package static let agentSilent = MessageCode(
        "AGENT_SILENT",
        .error,
        explanation: "The agent in a container has said nothing for too long; the container was "
            + "ended.",
        personText: "Your container does not answer any more.",
        remedy: "Look for a paused container, an engine that hangs, or a broken network to "
            + "it."
    )

    package static let agentClosed = MessageCode(
        "AGENT_CLOSED",
        .debug,
        explanation: "Something was asked of a container that is being removed.",
        personText: "Your container is being removed.",
        remedy: "Nothing to do."
    )

    package static let agentLog = MessageCode(
        "AGENT_LOG",
        .info,
        explanation: "The agent in a container has something to say; the text is its own.",
        remedy: "Read the text. It comes from inside the container and may be anybody's "
            + "there."
    )

    package static let agentProgramStartFailed = MessageCode(
        "AGENT_PROGRAM_START_FAILED",
        .info,
        explanation: "The agent in a container could not start a program.",
        personText: "The program could not be started.",
        remedy: "The detail holds the system's reason: no such file, no permission, too long "
            + "a command line, too many processes."
    )

    package static let agentFileFailed = MessageCode(
        "AGENT_FILE_FAILED",
        .error,
        explanation: "The agent in a container could not write a file.",
        personText: "A file that belongs to your session could not be written.",
        remedy: "The detail holds path and reason, often a read-only root or a user without "
            + "rights."
    )

    package static let agentDialFailed = MessageCode(
        "AGENT_DIAL_FAILED",
        .debug,
        explanation: "A connection inside a container could not be made.",
        personText: "The connection could not be made.",
        remedy: "The detail holds the system's reason as seen from inside the container."
    )

    package static let agentListenFailed = MessageCode(
        "AGENT_LISTEN_FAILED",
        .debug,
        explanation: "Connections inside a container could not be accepted at some place.",
        personText: "Nothing can listen there.",
        remedy: "The detail holds the system's reason: the port or path is in use, or it "
            + "takes privileges that the container's user does not have."
    )

    package static let agentSignalFailed = MessageCode(
        "AGENT_SIGNAL_FAILED",
        .debug,
        explanation: "A signal was not delivered: its name is unknown or the program has ended.",
        personText: "The signal could not be delivered.",
        remedy: "Nothing to do unless people complain."
    )

    package static let agentFilesFailed = MessageCode(
        "AGENT_FILES_FAILED",
        .error,
        explanation: "The agent's program could not be made ready for containers.",
        personText: "This server cannot start containers at the moment.",
        remedy: "The detail names the file. The program berth-agent belongs beside the gateway's "
            + "own or at gateway.agent.binary; gateway.agent.folder must be writable."
    )

    /// The codes of the agent in a container, whatever runs the container.
    static let guestAgentCodes: [MessageCode] = [
        agentHelloFailed, agentLost, agentViolation, agentSilent, agentClosed, agentLog,
        agentProgramStartFailed, agentFileFailed, agentDialFailed, agentListenFailed,
        agentSignalFailed, agentFilesFailed,
    ]
}
