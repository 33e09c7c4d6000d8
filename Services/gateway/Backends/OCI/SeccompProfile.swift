import BackendMachine
import Glibc
import SharedConfig

/// `DeniedCalls` as a runtime reads it (OCI runtime specification, config-linux.md, seccomp).
enum SeccompProfile {
    static let tree: ConfigTree = [
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": .list(rules),
    ]

    private static var rules: [ConfigTree] {
        [deny(DeniedCalls.names, EPERM), deny(["clone3"], ENOSYS)]
            + DeniedCalls.newNamespaces.map { flag in
                deny(["clone"], EPERM, argument: 0, mask: flag, equals: flag)
            }
            + DeniedCalls.terminalControls.map { control in
                deny(["ioctl"], EPERM, argument: 1, mask: 0xFFFF_FFFF, equals: control)
            }
            + DeniedCalls.families.map { family in
                deny(["socket"], EAFNOSUPPORT, argument: 0, mask: 0xFFFF_FFFF, equals: family)
            }
    }

    private static func deny(_ names: [String], _ error: Int32) -> ConfigTree {
        [
            "names": .list(names.map { .string($0) }), "action": "SCMP_ACT_ERRNO",
            "errnoRet": .integer(Int(error)),
        ]
    }

    private static func deny(
        _ names: [String],
        _ error: Int32,
        argument: Int,
        mask: UInt64,
        equals value: UInt64
    ) -> ConfigTree {
        deny(names, error)
            .merged(with: [
                "args": [
                    [
                        "index": .integer(argument), "op": "SCMP_CMP_MASKED_EQ",
                        "value": .integer(Int(mask)), "valueTwo": .integer(Int(value)),
                    ]
                ]
            ])
    }
}
