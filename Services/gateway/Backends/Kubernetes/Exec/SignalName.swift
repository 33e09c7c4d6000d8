/// Signals by the names of RFC 4254 §6.10, without `SIG`, and their numbers on Linux (signal(7)).
enum SignalName {
    private static let numbers: [String: Int] = [
        "HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "BUS": 7, "FPE": 8,
        "KILL": 9, "USR1": 10, "SEGV": 11, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15,
        "CHLD": 17, "CONT": 18, "STOP": 19, "TSTP": 20, "TTIN": 21, "TTOU": 22, "URG": 23,
        "XCPU": 24, "XFSZ": 25, "WINCH": 28, "SYS": 31,
    ]

    static func number(of name: String) -> Int? { numbers[name] }
}
