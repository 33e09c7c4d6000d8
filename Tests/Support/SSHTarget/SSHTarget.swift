import CProcess
package import Foundation
import Glibc
import Synchronization

/// An OpenSSH server of its own, as the target of a proxy: on a free port of the loopback address,
/// with private `/tmp` and `/home`, all of it gone when the test process is.
///
/// It has the accounts `username` and `otherUsername`, with one key and one password. (Root would
/// not do: sshd hands no signals to root's programs.)
package final class SSHTarget: Sendable {
    package static let username = "tester"
    /// For what passes the client's user name through.
    package static let otherUsername = "dev"
    package static let password = "open sesame"

    /// It sees a private file system, which needs root.
    package static let isThere =
        geteuid() == 0
        && ["/usr/sbin/sshd", "/usr/bin/unshare", "/usr/bin/ssh-keygen"]
            .allSatisfy(FileManager.default.isExecutableFile(atPath:))
    package static let reason = "needs root and openssh-server"

    package let port: Int
    /// Holds the keys and the log.
    package let folder: URL
    /// `SHA256:…` of its Ed25519 host key.
    package let fingerprint: String
    /// The private key that opens the account.
    package let userKey: String
    private let guardian: Int32
    private let lifeline: FileHandle

    /// What could not be done.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// Starts a server and waits until it listens.
    ///
    /// `settings` are lines of sshd_config(5) that come before the others and so win.
    package static func start(_ settings: [String] = []) async throws -> SSHTarget {
        let target = try await aside { try SSHTarget(settings) }
        let end = ContinuousClock.now + .seconds(90)
        // Its own word: on the port somebody else may listen, another test process for example.
        while !target.log.contains("Server listening on 127.0.0.1 port \(target.port).") {
            guard ContinuousClock.now < end else {
                throw Failure(description: "sshd does not listen: \(target.log)")
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        return target
    }

    /// Starts a server for the time of `body`.
    package static func with<Value>(
        _ settings: [String] = [],
        _ body: (SSHTarget) async throws -> Value
    ) async throws -> Value {
        let target = try await start(settings)
        let result: Result<Value, any Error>
        do {
            result = .success(try await body(target))
        } catch {
            result = .failure(error)
        }
        try await aside { target.stop() }
        return try result.get()
    }

    /// What blocks, on a thread of its own: the threads of tasks are as few as the processors, and
    /// many tests share them.
    private static func aside<Value: Sendable>(
        _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
        }
    }

    private init(_ settings: [String]) throws {
        port = Loopback.freePort()
        // Outside /tmp, which the server does not see.
        folder = URL(filePath: "/var/tmp/berth-target-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let path = folder.path
        let keys = try Self.keys.get()
        fingerprint = keys.fingerprint
        userKey = try keys.write(to: folder)
        // All lines of this key count.
        let acceptsAll = !settings.contains { $0.hasPrefix("AcceptEnv") }
        let config = """
            \(settings.joined(separator: "\n"))
            Port \(port)
            ListenAddress 127.0.0.1
            HostKey \(path)/host_key
            HostKey \(path)/host_key_rsa
            AuthorizedKeysFile \(path)/user_key.pub
            StrictModes no
            PidFile none
            UsePAM no
            PrintMotd no
            PrintLastLog no
            \(acceptsAll ? "AcceptEnv *" : "")
            X11Forwarding yes
            PermitUserEnvironment no
            Subsystem sftp internal-sftp
            LogLevel DEBUG1
            """
        try Data(config.utf8).write(to: folder.appending(path: "sshd_config"))
        try Data(Self.script(path).utf8).write(to: folder.appending(path: "run"))
        let input = Pipe()
        _ = fcntl(input.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
        lifeline = input.fileHandleForWriting
        let log = try FileHandle(forWritingTo: Self.emptyFile(folder.appending(path: "errors")))
        guardian = try Child.start(
            ["/bin/sh", path + "/run"],
            descriptors: [
                input.fileHandleForReading.fileDescriptor, log.fileDescriptor, log.fileDescriptor,
            ]
        )
    }

    deinit { stop() }

    /// Ends the server and everything that was started there. Harmless when repeated.
    package func stop() {
        try? lifeline.close()
        Child.collect(guardian)
    }

    /// What the server, or whoever starts it, has said so far.
    package var log: String {
        ["errors", "log"].map { name in
            // Not there yet: nothing was said.
            (try? String(contentsOf: folder.appending(path: name), encoding: .utf8)) ?? ""
        }
        .joined()
    }

    /// The server's processes for connections, by their ids as this process sees them.
    package var connections: [Int32] {
        Processes.descendants(of: guardian).filter {
            // "sshd: root@notty", "sshd: [accepted]", …, not "sshd: /usr/sbin/sshd [listener]".
            $0.title.hasPrefix("sshd: ") && !$0.title.contains("[listener]")
        }
        .map(\.id)
    }

    /// The ends of connections to the server that a process of this machine, such as this one, holds
    /// open, as inode numbers.
    package var clientSockets: [UInt64] { Loopback.socketsConnected(to: port) }

    /// Sends a signal to what serves connections, to the listener, or to both.
    package func signal(_ signal: Int32, listener: Bool = false) {
        for process in Processes.descendants(of: guardian) where process.title.hasPrefix("sshd: ") {
            let isListener = process.title.contains("[listener]")
            if listener == isListener { kill(process.id, signal) }
        }
    }

    // MARK: - Making

    /// The same for every server of the process: an RSA key takes its time.
    private static let keys = Result { try TargetKeys() }

    /// Runs the server in namespaces of its own until its input ends.
    private static func script(_ path: String) -> String {
        """
        inner='
            umask 022
            mount -t tmpfs -o mode=1777 tmpfs /tmp && mount -t tmpfs tmpfs /home || exit 1
            hash=$(openssl passwd -6 "\(password)")
            cp /etc/passwd /etc/group \(path)/ && cp /etc/shadow \(path)/shadow || exit 1
            id=10000
            for user in \(username) \(otherUsername); do
                id=$((id + 1))
                sed -i "/^$user:/d" \(path)/passwd \(path)/shadow \(path)/group
                echo "$user:x:$id:$id::/home/$user:/bin/bash" >>\(path)/passwd
                echo "$user:x:$id:" >>\(path)/group
                echo "$user:$hash:19000:0:99999:7:::" >>\(path)/shadow
                mkdir "/home/$user" && chown "$id:$id" "/home/$user"
            done
            chmod 755 \(path) && chmod 644 \(path)/user_key.pub
            for file in passwd group shadow; do
                mount --bind "\(path)/$file" "/etc/$file" || exit 1
            done
            mkdir -p /run/sshd
            exec /usr/sbin/sshd -D -E \(path)/log -f \(path)/sshd_config
        '
        unshare --mount --pid --fork --kill-child --mount-proc /bin/sh -c "$inner" </dev/null &
        server=$!
        read -r _
        kill -KILL $server
        wait $server
        rm -rf \(path)
        """
    }

    private static func emptyFile(_ url: URL) throws -> URL {
        try Data().write(to: url)
        return url
    }
}
