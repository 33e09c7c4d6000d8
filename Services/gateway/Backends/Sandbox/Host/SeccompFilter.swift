import BackendMachine
import CSeccomp
import Glibc
import SharedSystem

/// `DeniedCalls`, compiled.
enum SeccompFilter {
    /// The compiled filter, as bubblewrap takes it, in a file in memory.
    static func compile() throws -> Descriptor {
        guard let context = unsafe seccomp_init(UInt32(SCMP_ACT_ALLOW)) else {
            throw SystemFailure("seccomp_init", ENOMEM)
        }
        defer { unsafe seccomp_release(context) }
        for name in DeniedCalls.names { try unsafe refuse(context, name, EPERM) }
        // Its flags lie in memory, out of the filter's sight: libraries fall back to clone.
        try unsafe refuse(context, "clone3", ENOSYS)
        for flag in DeniedCalls.newNamespaces {
            try unsafe refuse(context, "clone", EPERM, argument(0, mask: flag, equals: flag))
        }
        for control in DeniedCalls.terminalControls {
            // The kernel looks at 32 bits of the request only.
            try unsafe refuse(
                context,
                "ioctl",
                EPERM,
                argument(1, mask: 0xFFFF_FFFF, equals: control)
            )
        }
        for family in DeniedCalls.families {
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
