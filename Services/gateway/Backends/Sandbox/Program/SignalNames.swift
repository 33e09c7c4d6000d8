import Glibc

/// Signals by the names of RFC 4254 §6.10, without `SIG`.
enum SignalNames {
    private static let numbers: [String: Int32] = [
        "ABRT": SIGABRT, "ALRM": SIGALRM, "FPE": SIGFPE, "HUP": SIGHUP, "ILL": SIGILL,
        "INT": SIGINT, "KILL": SIGKILL, "PIPE": SIGPIPE, "QUIT": SIGQUIT, "SEGV": SIGSEGV,
        "TERM": SIGTERM, "USR1": SIGUSR1, "USR2": SIGUSR2,
        // Not in the RFC, but sent by clients.
        "BUS": SIGBUS, "CHLD": SIGCHLD, "CONT": SIGCONT, "STOP": SIGSTOP, "SYS": SIGSYS,
        "TRAP": SIGTRAP, "TSTP": SIGTSTP, "TTIN": SIGTTIN, "TTOU": SIGTTOU, "URG": SIGURG,
        "WINCH": SIGWINCH, "XCPU": SIGXCPU, "XFSZ": SIGXFSZ,
    ]

    private static let names: [Int32: String] = Dictionary(
        numbers.map { ($0.value, $0.key) },
        uniquingKeysWith: { first, _ in first }
    )

    static let kill = SIGKILL

    /// `nil` for a name nobody knows.
    static func number(of name: String) -> Int32? { numbers[name] }

    /// The name, or for one without, a local name as RFC 4254 §6.10 wants it.
    static func name(of number: Int32) -> String { names[number] ?? "\(number)@berth" }
}
