import Crypto
import Foundation
import SharedSSH

/// What a login with a key costs in cryptography alone, piece by piece.
struct Primitives {
    let count: Int
    private let clock = ThreadClock()

    init(count: Int) { self.count = count }

    func measure() throws {
        let hash = [UInt8](repeating: 7, count: 32)
        // About what a client signs to log in.
        let request = [UInt8](repeating: 7, count: 200)
        let key = try SSHPrivateKey.generateEd25519()
        let signature = try key.signature(over: request, algorithm: .ed25519)
        let peer = Curve25519.KeyAgreement.PrivateKey().publicKey
        let kem = try MLKEM768.PrivateKey().publicKey
        try time("Ed25519 signature") { _ = try key.signature(over: hash, algorithm: .ed25519) }
        try time("Ed25519 verification") {
            _ = key.publicKey.verify(signature, over: request, algorithm: .ed25519)
        }
        try time("X25519 key and agreement") {
            _ = try Curve25519.KeyAgreement.PrivateKey().sharedSecretFromKeyAgreement(with: peer)
        }
        try time("ML-KEM-768 encapsulation") { _ = try kem.encapsulate() }
    }

    private func time(_ name: String, _ body: () throws -> Void) throws {
        for _ in 0..<10 { try body() }
        let start = clock.now
        for _ in 0..<count { try body() }
        let each = (clock.now - start) / count
        print(name, "\(Int(each / .microseconds(1))) µs")
    }
}
