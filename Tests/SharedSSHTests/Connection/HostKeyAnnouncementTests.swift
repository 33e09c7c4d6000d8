import NIOCore
import Testing

@testable import SharedSSH

@Suite("Host keys told and proven to clients")
struct HostKeyAnnouncementTests {
    private let sessionID: [UInt8] = [1, 2, 3]

    private func announcement(_ keys: [SSHPrivateKey]) -> HostKeyAnnouncement {
        HostKeyAnnouncement(keys, sessionID: sessionID, negotiated: .ed25519)
    }

    private func list(_ blobs: [[UInt8]]) -> ByteBuffer {
        var buffer = ByteBuffer()
        for blob in blobs { buffer.writeSSHString(blob) }
        return buffer
    }

    @Test("all keys are told, and each proven over this session")
    func proof() throws {
        let keys = [try SSHPrivateKey.generateECDSA256(), .fixed]
        var announcement = announcement(keys)
        let request = try #require(announcement.request(to: "SSH-2.0-OpenSSH_9.2"))
        #expect(request.type == "hostkeys-00@openssh.com")
        #expect(!request.wantsReply)
        #expect(request.payload == list(keys.map(\.publicKey.blob)))
        guard case .success(var reply) = announcement.prove(request.payload) else {
            Issue.record("not proven")
            return
        }
        for key in keys {
            var data = ByteBuffer()
            data.writeSSHString("hostkeys-prove-00@openssh.com")
            data.writeSSHString(sessionID)
            data.writeSSHString(key.publicKey.blob)
            let signature = try reply.readSSHBytes()
            #expect(
                key.publicKey.verifies(
                    signature,
                    over: [UInt8](data.readableBytesView),
                    algorithm: key.publicKey.type == .ed25519 ? .ed25519 : .ecdsa256
                )
            )
        }
        #expect(reply.readableBytes == 0)
    }

    @Test("keys of others, repeated ones, none, and what does not parse are not proven")
    func refused() throws {
        let own = SSHPrivateKey.fixed.publicKey.blob
        let other = try SSHPrivateKey.generateEd25519().publicKey.blob
        var cut = list([own])
        cut.moveWriterIndex(to: cut.writerIndex - 1)
        let payloads = [
            list([other]), list([own, other]), list([own, own]), list([]), cut,
            ByteBuffer(bytes: [0xff, 0xff, 0xff, 0xff]), ByteBuffer(bytes: [0, 0]),
        ]
        for payload in payloads {
            var announcement = announcement([.fixed])
            #expect(announcement.prove(payload) == .failure)
        }
    }

    @Test("proofs are given a few times, then no more")
    func limited() {
        var announcement = announcement([.fixed])
        let payload = list([SSHPrivateKey.fixed.publicKey.blob])
        for _ in 0..<HostKeyAnnouncement.maximumProofs {
            #expect(announcement.prove(payload) != .failure)
        }
        #expect(announcement.prove(payload) == .failure)
    }

    @Test("a Tera Term that cannot stand it is told nothing")
    func oldClient() {
        #expect(announcement([.fixed]).request(to: "SSH-2.0-TTSSH/2.72 Win32") == nil)
        #expect(announcement([.fixed]).request(to: "SSH-2.0-TTSSH/3.1 Win32") != nil)
    }
}
