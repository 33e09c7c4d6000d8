extension MessageCode {
    package static let sandboxUnavailable = MessageCode(
        "SANDBOX_UNAVAILABLE",
        .error,
        explanation: "This machine cannot make sandboxes.",
        personText: "This server cannot start sandboxes at the moment.",
        remedy: "The detail names what is missing: bubblewrap, its init program, user namespaces "
            + "(sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone or "
            + "kernel.apparmor_restrict_unprivileged_userns), or the right to mount /proc. See "
            + "docs/sandbox.md."
    )

    package static let sandboxStartFailed = MessageCode(
        "SANDBOX_START_FAILED",
        .error,
        explanation: "A sandbox could not be started.",
        personText: "Your sandbox could not be started.",
        remedy: "The detail holds what bubblewrap or the kernel said. Check the section sandbox "
            + "(root, mounts, user) and whether the machine is out of memory or processes."
    )

    package static let sandboxStartTimeout = MessageCode(
        "SANDBOX_START_TIMEOUT",
        .error,
        explanation: "A sandbox was not ready in time.",
        personText: "Your sandbox took too long to start.",
        remedy: "Look for a machine under heavy load or a mount that hangs, or raise "
            + "sandbox.timeouts.start."
    )

    package static let sandboxStateUnusable = MessageCode(
        "SANDBOX_STATE_UNUSABLE",
        .error,
        explanation: "The sandbox backend cannot use its state directory.",
        personText: "This server cannot start sandboxes at the moment.",
        remedy: "Give the gateway's user the right to write sandbox.stateDirectory."
    )

    package static let sandboxLimitNotApplied = MessageCode(
        "SANDBOX_LIMIT_NOT_APPLIED",
        .warning,
        explanation: "A configured limit of the sandboxes is not enforced on this machine.",
        remedy: "Give the gateway a writable control group with the controller named in the "
            + "label, or set the limit to 0 to say that it is not wanted. See docs/sandbox.md."
    )

    package static let sandboxOpened = MessageCode(
        "SANDBOX_OPENED",
        .debug,
        explanation: "A sandbox is ready.",
        remedy: "Nothing to do."
    )

    package static let sandboxClosed = MessageCode(
        "SANDBOX_CLOSED",
        .debug,
        explanation: "A sandbox and everything in it is gone.",
        remedy: "Nothing to do."
    )

    package static let sandboxStopTimeout = MessageCode(
        "SANDBOX_STOP_TIMEOUT",
        .error,
        explanation: "A sandbox was still there after the stop timeout, although it was killed.",
        remedy: "Its processes hang in the kernel, for example on a dead network mount. The next "
            + "sweep of left-overs removes what it can."
    )

    package static let sandboxEnded = MessageCode(
        "SANDBOX_ENDED",
        .error,
        explanation: "A sandbox ended while its connection still used it.",
        personText: "Your sandbox has ended.",
        remedy: "Look in the kernel's log whether it ran out of memory (sandbox.memory) or "
            + "whether somebody killed it."
    )

    package static let sandboxProgramStartFailed = MessageCode(
        "SANDBOX_PROGRAM_START_FAILED",
        .error,
        explanation: "A program could not be started in its sandbox.",
        personText: "The program could not be started.",
        remedy: "The detail holds the kernel's reason: often sandbox.pids or sandbox.memory is "
            + "used up, or the command line is longer than the kernel allows."
    )

    package static let sandboxSubsystemUnknown = MessageCode(
        "SANDBOX_SUBSYSTEM_UNKNOWN",
        .debug,
        explanation: "A client asked for a subsystem that the sandbox backend does not have.",
        personText: "This server does not have the subsystem you asked for.",
        remedy: "Add the subsystem and its program to sandbox.subsystems if it is wanted."
    )

    package static let sandboxSignalFailed = MessageCode(
        "SANDBOX_SIGNAL_FAILED",
        .debug,
        explanation: "A signal was not delivered: its name is unknown or the program has ended.",
        personText: "The signal could not be delivered.",
        remedy: "Nothing to do unless people complain."
    )

    package static let sandboxFileFailed = MessageCode(
        "SANDBOX_FILE_FAILED",
        .error,
        explanation: "A file could not be put into a sandbox.",
        personText: "A file that belongs to your session could not be written.",
        remedy: "The detail holds path and reason. Only the home, /tmp, /run and writable mounts "
            + "can take files; sandbox.home.size limits what fits."
    )

    package static let sandboxDialFailed = MessageCode(
        "SANDBOX_DIAL_FAILED",
        .debug,
        explanation: "A connection inside a sandbox could not be made.",
        personText: "The connection could not be made.",
        remedy: "The detail holds the kernel's reason. With sandbox.network none, only servers "
            + "inside the same sandbox can be reached."
    )

    package static let sandboxListenFailed = MessageCode(
        "SANDBOX_LISTEN_FAILED",
        .debug,
        explanation: "Connections inside a sandbox could not be accepted at some place.",
        personText: "Nothing can listen there.",
        remedy: "The detail holds the kernel's reason: the port or the path is in use, or it takes "
            + "privileges that programs in a sandbox do not have."
    )

    package static let sandboxLeftoversRemoved = MessageCode(
        "SANDBOX_LEFTOVERS_REMOVED",
        .notice,
        explanation: "What a gateway left behind when it was killed has been removed.",
        remedy: "Find out why that gateway was killed."
    )

    /// The codes of the sandbox backend.
    static let sandboxCodes: [MessageCode] = [
        sandboxUnavailable, sandboxStartFailed, sandboxStartTimeout, sandboxStateUnusable,
        sandboxLimitNotApplied, sandboxOpened, sandboxClosed, sandboxStopTimeout, sandboxEnded,
        sandboxProgramStartFailed, sandboxSubsystemUnknown, sandboxSignalFailed, sandboxFileFailed,
        sandboxDialFailed, sandboxListenFailed, sandboxLeftoversRemoved,
    ]
}
