import Glibc

/// What a daemon's process needs from the system before anything else.
enum ProcessSetup {
    static func prepare() {
        ignoreBrokenPipes()
        raiseDescriptorLimit()
    }

    /// A peer that goes away is an error of the write, not the end of the process.
    private static func ignoreBrokenPipes() { _ = signal(SIGPIPE, SIG_IGN) }

    /// Connections take descriptors; what the administrator allows is the limit.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return
        }
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
