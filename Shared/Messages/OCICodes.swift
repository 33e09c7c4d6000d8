extension MessageCode {
    package static let ociUnavailable = MessageCode(
        "OCI_UNAVAILABLE",
        .error,
        explanation: "This machine cannot run containers without a daemon.",
        personText: "This server cannot start containers at the moment.",
        remedy: "The detail says what each runtime answered. Install crun or runc, run the gateway "
            + "as root, and see docs/oci.md."
    )

    package static let ociStateUnusable = MessageCode(
        "OCI_STATE_UNUSABLE",
        .error,
        explanation: "The oci backend cannot use its state directory.",
        personText: "This server cannot start containers at the moment.",
        remedy: "Give the gateway the right to write oci.stateDirectory, and room on its disk."
    )

    package static let ociRuntimeChosen = MessageCode(
        "OCI_RUNTIME_CHOSEN",
        .notice,
        explanation: "The oci backend has tried its runtimes and uses the one in the label.",
        remedy: "Nothing to do; the label refused says what was wrong with a runtime before it."
    )

    package static let ociLimitNotApplied = MessageCode(
        "OCI_LIMIT_NOT_APPLIED",
        .warning,
        explanation: "A configured limit of the containers is not enforced on this machine.",
        remedy: "Give the gateway a writable control group with the controller named in the "
            + "label, or set the limit to 0 to say that it is not wanted. See docs/oci.md."
    )

    package static let ociUserUnknown = MessageCode(
        "OCI_USER_UNKNOWN",
        .error,
        explanation: "The image does not have the user or group that containers are to run as.",
        personText: "Your container could not be started.",
        remedy: "Correct oci.user, or use a number. The detail holds the name."
    )

    package static let ociStartFailed = MessageCode(
        "OCI_START_FAILED",
        .error,
        explanation: "A container could not be started.",
        personText: "Your container could not be started.",
        remedy: "The detail holds what the runtime or the kernel said. Check the section oci "
            + "(mounts, spec, capabilities) and whether the machine is out of memory, disk or "
            + "processes."
    )

    package static let ociStartTimeout = MessageCode(
        "OCI_START_TIMEOUT",
        .error,
        explanation: "A container was not ready in time.",
        personText: "Your container took too long to start.",
        remedy: "Look for a machine under heavy load or a runtime that hangs, or raise "
            + "oci.timeouts.start."
    )

    package static let ociOpened = MessageCode(
        "OCI_OPENED",
        .debug,
        explanation: "A container is ready.",
        remedy: "Nothing to do."
    )

    package static let ociClosed = MessageCode(
        "OCI_CLOSED",
        .debug,
        explanation: "A container and everything in it is gone.",
        remedy: "Nothing to do."
    )

    package static let ociStopTimeout = MessageCode(
        "OCI_STOP_TIMEOUT",
        .error,
        explanation: "A container was still there after the stop timeout, although it was killed.",
        remedy: "Its processes hang in the kernel, for example on a dead network mount. Removing "
            + "it is tried again every minute."
    )

    package static let ociProgramStartTimeout = MessageCode(
        "OCI_PROGRAM_START_TIMEOUT",
        .error,
        explanation: "A program in a container was not started in time.",
        personText: "The program could not be started.",
        remedy: "Look for a machine under heavy load, or raise oci.timeouts.commandStart."
    )

    package static let ociSubsystemUnknown = MessageCode(
        "OCI_SUBSYSTEM_UNKNOWN",
        .debug,
        explanation: "A client asked for a subsystem that the oci backend does not have.",
        personText: "This server does not have the subsystem you asked for.",
        remedy: "Add the subsystem and its program to oci.subsystems if it is wanted."
    )

    package static let ociLeftoversRemoved = MessageCode(
        "OCI_LEFTOVERS_REMOVED",
        .notice,
        explanation: "What containers left behind has been removed: their gateway was killed, or "
            + "they could not be removed before.",
        remedy: "Find out why that gateway was killed."
    )

    /// The codes of the oci backend.
    static let ociCodes: [MessageCode] = [
        ociUnavailable, ociStateUnusable, ociRuntimeChosen, ociLimitNotApplied, ociUserUnknown,
        ociStartFailed, ociStartTimeout, ociOpened, ociClosed, ociStopTimeout,
        ociProgramStartTimeout, ociSubsystemUnknown, ociLeftoversRemoved,
    ]
}
