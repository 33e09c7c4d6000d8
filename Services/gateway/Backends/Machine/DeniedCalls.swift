import Glibc

/// The system calls that no program of a sandbox needs, refused by the kernel.
///
/// A list of what is denied: people run whatever they like here, and most of it must just work.
/// It keeps them from new namespaces, mounts, the kernel's keys, programs in the kernel
/// and the parts of it that other sandboxes share.
///
/// `clone3` has its flags in memory, out of a filter's sight, and is told not to exist: libraries
/// fall back to `clone`.
package enum DeniedCalls {
    package static let names = [
        "mount", "umount", "umount2", "pivot_root", "fsopen", "fsconfig", "fsmount", "fspick",
        "move_mount", "open_tree", "mount_setattr", "unshare", "setns", "open_by_handle_at",
        "kexec_load", "kexec_file_load", "reboot", "init_module", "finit_module", "delete_module",
        "bpf", "perf_event_open", "userfaultfd", "fanotify_init", "lookup_dcookie",
        "add_key", "request_key", "keyctl", "swapon", "swapoff", "acct", "quotactl",
        "quotactl_fd", "settimeofday", "stime", "clock_settime", "clock_settime64", "adjtimex",
        "clock_adjtime", "clock_adjtime64", "iopl", "ioperm", "syslog", "vhangup", "nfsservctl",
        "uselib", "_sysctl", "io_uring_setup", "io_uring_enter", "io_uring_register",
    ]

    /// Flags of clone(2).
    package static let newNamespaces: [UInt64] = [
        0x0002_0000,  // CLONE_NEWNS
        0x0200_0000,  // CLONE_NEWCGROUP
        0x0400_0000,  // CLONE_NEWUTS
        0x0800_0000,  // CLONE_NEWIPC
        0x1000_0000,  // CLONE_NEWUSER
        0x2000_0000,  // CLONE_NEWPID
        0x4000_0000,  // CLONE_NEWNET
    ]

    /// Terminal controls that type for, or paste into, somebody else's terminal.
    package static let terminalControls: [UInt64] = [
        0x5412 /* TIOCSTI */, 0x541C /* TIOCLINUX */,
    ]

    /// Address families without a network namespace of their own, or kernel crypto.
    package static let families: [UInt64] = [UInt64(AF_ALG), 40 /* AF_VSOCK */]
}
