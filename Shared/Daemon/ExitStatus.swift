package import ArgumentParser

/// How a daemon's process ends.
package enum ExitStatus: Int32, Sendable {
    /// It did what it was asked, or was told to stop and did.
    case success = 0
    /// It could not start, or one of its services failed.
    case failure = 1
    /// The configuration is bad (`EX_CONFIG` of `sysexits.h`).
    case badConfiguration = 78

    /// The same for ArgumentParser.
    package var exitCode: ExitCode { ExitCode(rawValue) }
}
