import ArgumentParser
import Foundation
import NIOCore
import SharedSSH

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A running SSH agent (draft-ietf-sshm-ssh-agent).
struct AgentSocket {
    private enum Message {
        static let success: UInt8 = 6
        /// SSH_AGENTC_ADD_ID_CONSTRAINED
        static let addConstrained: UInt8 = 25
        /// SSH_AGENT_CONSTRAIN_LIFETIME
        static let lifetime: UInt8 = 1
    }

    private let path: String

    /// That of `SSH_AUTH_SOCK`. Throws a `ValidationError` where there is none.
    static func ofEnvironment() throws -> AgentSocket {
        guard let path = ProcessInfo.processInfo.environment["SSH_AUTH_SOCK"], !path.isEmpty else {
            throw ValidationError("There is no SSH agent: SSH_AUTH_SOCK is not set.")
        }
        return AgentSocket(path: path)
    }

    /// Hands over an Ed25519 key with its certificate, for `lifetime` seconds.
    func add(_ key: SSHPrivateKey, certificate line: String, lifetime: Int) throws {
        let certificate = try OpenSSHCertificate(line: line)
        let seconds = UInt32(clamping: lifetime)
        guard let secret = key.agentForm, certificate.publicKey == key.publicKey else {
            throw ValidationError("The certificate is for another key.")
        }
        let descriptor = try connected()
        defer { close(descriptor) }
        var body = ByteBuffer()
        body.writeInteger(Message.addConstrained)
        body.writeSSHString(certificate.publicKey.type.certificateName)
        body.writeSSHString(certificate.blob)
        body.writeBytes(secret)
        body.writeSSHString(key.comment)
        body.writeInteger(Message.lifetime)
        body.writeInteger(seconds)
        var request = ByteBuffer()
        request.writeSSHString(body)
        try write(Array(request.readableBytesView), to: descriptor)
        var answer = ByteBuffer(bytes: try read(5, from: descriptor))
        guard answer.readInteger(as: UInt32.self) == 1,
            answer.readInteger(as: UInt8.self) == Message.success
        else { throw ValidationError("The SSH agent does not take the certificate.") }
    }

    private func connected() throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw failure("made") }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < capacity else {
            close(descriptor)
            throw ValidationError("The SSH agent's path is too long.")
        }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) {
            unsafe $0.copyBytes(from: path.utf8)
        }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, length)
            }
        }
        guard result == 0 else {
            defer { close(descriptor) }
            throw failure("reached")
        }
        return descriptor
    }

    private func write(_ bytes: [UInt8], to descriptor: Int32) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { bytes in
                unsafe send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("written to") }
            rest = rest.dropFirst(count)
        }
    }

    private func read(_ count: Int, from descriptor: Int32) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: count)
        while bytes.count < count {
            let got = unsafe recv(descriptor, &buffer, count - bytes.count, 0)
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { throw failure("read from") }
            bytes += buffer.prefix(got)
        }
        return bytes
    }

    private func failure(_ what: String) -> ValidationError {
        let reason = unsafe String(cString: strerror(errno))
        return ValidationError("The SSH agent cannot be \(what): \(reason)")
    }
}
