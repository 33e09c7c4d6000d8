import CSeccomp
import Glibc
import SharedSystem

/// The system calls that no program of a sandbox needs, refused by the kernel.
///
/// A list of what is denied: people run whatever they like here, and most of it must just work.
/// It keeps them from new namespaces, mounts, the kernel's keys, programs in the kernel
/// and the parts of it that other sandboxes share.
enum SeccompFilter {
    static let denied = [
        "mount", "umount", "umount2", "pivot_root", "fsopen", "fsconfig", "fsmount", "fspick",
        "move_mount", "open_tree", "mount_setattr", "unshare", "setns", "open_by_handle_at",
        "kexec_load", "kexec_file_load", "reboot", "init_module", "finit_module", "delete_module",
        "bpf", "perf_event_open", "userfaultfd", "fanotify_init", "lookup_dcookie",
        "add_key", "request_key", "keyctl", "swapon", "swapoff", "acct", "quotactl",
        "quotactl_fd", "settimeofday", "stime", "clock_settime", "clock_settime64", "adjtimex",
        "clock_adjtime", "clock_adjtime64", "iopl", "ioperm", "syslog", "vhangup", "nfsservctl",
        "uselib", "_sysctl", "io_uring_setup", "io_uring_enter", "io_uring_register",
    ]

    private static let newNamespaces: [UInt64] = [
        0x0002_0000,  // CLONE_NEWNS
        0x0200_0000,  // CLONE_NEWCGROUP
        0x0400_0000,  // CLONE_NEWUTS
        0x0800_0000,  // CLONE_NEWIPC
        0x1000_0000,  // CLONE_NEWUSER
        0x2000_0000,  // CLONE_NEWPID
        0x4000_0000,  // CLONE_NEWNET
    ]

    /// Terminal controls that type for, or paste into, somebody else's terminal.
    private static let deniedTerminalControls: [UInt64] = [
        0x5412 /* TIOCSTI */, 0x541C /* TIOCLINUX */,
    ]

    /// Address families without a network namespace of their own, or kernel crypto.
    private static let deniedFamilies: [UInt64] = [UInt64(AF_ALG), 40 /* AF_VSOCK */]

    /// The compiled filter, as bubblewrap takes it, in a file in memory.
    static func compile() throws -> Descriptor {
        guard let context = unsafe seccomp_init(UInt32(SCMP_ACT_ALLOW)) else {
            throw SystemFailure("seccomp_init", ENOMEM)
        }
        defer { unsafe seccomp_release(context) }
        for name in denied { try unsafe refuse(context, name, EPERM) }
        // Its flags lie in memory, out of the filter's sight: libraries fall back to clone.
        try unsafe refuse(context, "clone3", ENOSYS)
        for flag in newNamespaces {
            try unsafe refuse(context, "clone", EPERM, argument(0, mask: flag, equals: flag))
        }
        for control in deniedTerminalControls {
            // The kernel looks at 32 bits of the request only.
            try unsafe refuse(
                context,
                "ioctl",
                EPERM,
                argument(1, mask: 0xFFFF_FFFF, equals: control)
            )
        }
        for family in deniedFamilies {
            try unsafe refuse(
                context,
                "socket",
                EAFNOSUPPORT,
                argument(0, mask: 0xFFFF_FFFF, equals: family)
            )
        }
        let file = try Descriptor.memoryFile([])
        try check("seccomp_export_bpf", unsafe seccomp_export_bpf(context, file.number))
        return file
    }

    private static func argument(
        _ index: UInt32,
        mask: UInt64,
        equals value: UInt64
    ) -> scmp_arg_cmp {
        scmp_arg_cmp(arg: index, op: SCMP_CMP_MASKED_EQ, datum_a: mask, datum_b: value)
    }

    private static func refuse(
        _ context: scmp_filter_ctx,
        _ name: String,
        _ error: Int32,
        _ arguments: scmp_arg_cmp...
    ) throws {
        let number = unsafe seccomp_syscall_resolve_name(name)
        // Older libraries do not know newer calls; nor can an older kernel then be asked for them.
        guard number != __NR_SCMP_ERROR else { return }
        let action = 0x0005_0000 | UInt32(error)  // SCMP_ACT_ERRNO
        let result = unsafe seccomp_rule_add_array(
            context,
            action,
            number,
            UInt32(arguments.count),
            arguments
        )
        try check("seccomp rule \(name)", result)
    }

    private static func check(_ call: String, _ result: Int32) throws {
        guard result >= 0 else { throw SystemFailure(call, -result) }
    }
}
