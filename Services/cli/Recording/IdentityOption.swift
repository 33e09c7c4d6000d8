import ArgumentParser
import Foundation
import NIOCore
import SharedAge
import SharedMessages

/// The key that reads encrypted recordings.
struct IdentityOption: ParsableArguments {
    @Option(help: "File with the age key that reads encrypted recordings.")
    var identity: String?

    /// A file without a key is told by its code, and ends the command.
    func unsealer() throws -> Unsealer {
        guard let identity else { return Unsealer([]) }
        guard let text = try? String(contentsOfFile: identity, encoding: .utf8),
            let identities = try? AgeIdentity.all(in: text)
        else {
            tell(CodedError(.recordingIdentity, detail: identity))
            throw ExitCode.failure
        }
        return Unsealer(identities)
    }
}

/// Gives a recording's bytes as they were recorded, whether it is encrypted or not.
struct Unsealer {
    private let identities: [AgeIdentity]
    private var decryptor: AgeDecryptor?
    private var beginning = ByteBuffer()
    private var isDecided = false

    /// Of `age-encryption.org/v1`, a line.
    private static let enough = 22

    init(_ identities: [AgeIdentity]) { self.identities = identities }

    /// Failures are told by their codes, and end the command.
    mutating func feed(_ bytes: ByteBuffer) throws -> ByteBuffer {
        guard !isDecided else { return try open(bytes) }
        beginning.writeImmutableBuffer(bytes)
        guard beginning.readableBytes >= Self.enough else { return ByteBuffer() }
        return try decide()
    }

    /// The rest.
    mutating func end() throws -> ByteBuffer {
        var rest = isDecided ? ByteBuffer() : try decide()
        do throws(AgeError) {
            var last = try decryptor?.end() ?? ByteBuffer()
            rest.writeBuffer(&last)
            return rest
        } catch {
            throw Self.failure(error)
        }
    }

    private mutating func decide() throws -> ByteBuffer {
        isDecided = true
        let isEncrypted = AgeDecryptor.isAge(beginning)
        guard !isEncrypted || !identities.isEmpty else {
            tell(CodedError(.recordingEncrypted))
            throw ExitCode.failure
        }
        if isEncrypted { decryptor = AgeDecryptor(identities) }
        defer { beginning = ByteBuffer() }
        return try open(beginning)
    }

    private mutating func open(_ bytes: ByteBuffer) throws -> ByteBuffer {
        do throws(AgeError) {
            return try decryptor?.feed(bytes) ?? bytes
        } catch {
            throw Self.failure(error)
        }
    }

    private static func failure(_ error: AgeError) -> ExitCode {
        let code: MessageCode =
            error == .noIdentity ? .recordingIdentity : .recordingDecryptionFailed
        tell(CodedError(code, detail: "\(error)"))
        return .failure
    }
}
