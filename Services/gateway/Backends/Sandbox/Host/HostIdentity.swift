import BackendMachine
import Glibc
import SharedMessages
import Synchronization

/// Which users of the host sandboxes run as.
///
/// A gateway that is root gives every sandbox a number that nobody else on the machine has, so
/// that sandboxes share no per-user limits of the kernel and a process that got out could touch
/// nothing. One that is not root has only its own.
final class HostIdentity: Sendable {
    private enum Choice: Sendable {
        case own
        case fixed(ProcessLaunch.Identity)
        case fresh
    }

    private let choice: Choice
    private let next: Mutex<UInt32>

    /// Far above accounts, container ranges and what systemd hands out.
    static let range: Range<UInt32> = 1_900_000_000..<1_916_777_216

    /// `user` is a name or a number; empty gives every sandbox its own.
    init(user: String) throws {
        // Several gateways on one machine start at different places.
        next = Mutex(UInt32.random(in: Self.range))
        guard getuid() == 0 else {
            choice = .own
            return
        }
        choice = user.isEmpty ? .fresh : .fixed(try Self.look(up: user))
    }

    func take() -> ProcessLaunch.Identity? {
        switch choice {
        case .own: return nil
        case .fixed(let identity): return identity
        case .fresh:
            return next.withLock { next in
                next = next + 1 < Self.range.upperBound ? next + 1 : Self.range.lowerBound
                return ProcessLaunch.Identity(user: next, group: next)
            }
        }
    }

    private static func look(up user: String) throws -> ProcessLaunch.Identity {
        let identity: ProcessLaunch.Identity
        if let number = UInt32(user) {
            identity = ProcessLaunch.Identity(user: number, group: number)
        } else if let entry = unsafe getpwnam(user) {
            identity = unsafe ProcessLaunch.Identity(
                user: entry.pointee.pw_uid,
                group: entry.pointee.pw_gid
            )
        } else {
            throw CodedError(.sandboxUnavailable, detail: "sandbox.user: no such user: \(user)")
        }
        guard identity.user != 0, identity.group != 0 else {
            throw CodedError(.sandboxUnavailable, detail: "sandbox.user: must not be root")
        }
        return identity
    }
}
