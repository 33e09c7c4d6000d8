import SharedMessages
import Testing

@testable import AuthdCore

@Suite("Password hasher")
struct PasswordHasherTests {
    @Test("accepts the password it hashed and no other")
    func roundTrip() async throws {
        let hasher = try PasswordHasher(cost: 1)
        let hash = try await hasher.hash(Array("s3cret é".utf8))
        #expect(hash.hasPrefix("$y$"))
        #expect(try await hasher.verify(Array("s3cret é".utf8), hash))
        for other in ["s3cret", "S3cret é", "s3cret é ", ""] {
            #expect(try await !hasher.verify(Array(other.utf8), hash))
        }
    }

    @Test("salts, so that the same password never has the same hash")
    func salt() async throws {
        let hasher = try PasswordHasher(cost: 1)
        let first = try await hasher.hash([65])
        let second = try await hasher.hash([65])
        #expect(first != second)
    }

    @Test("uses a cost worth the name unless told otherwise")
    func cost() async throws {
        let hash = try await PasswordHasher().hash([65])
        #expect(hash.hasPrefix("$y$j9T$"))
    }

    @Test(
        "refuses what no password can be",
        arguments: [
            [], [65, 0, 66], [UInt8](repeating: 65, count: 512),
        ]
    )
    func invalid(_ password: [UInt8]) async throws {
        let hasher = try PasswordHasher(cost: 1)
        #expect(await code { try await hasher.hash(password) } == .authdPasswordInvalid)
    }

    @Test("takes the longest password whole")
    func longest() async throws {
        let hasher = try PasswordHasher(cost: 1)
        let password = [UInt8](repeating: 65, count: 511)
        let hash = try await hasher.hash(password)
        #expect(try await hasher.verify(password, hash))
        #expect(try await !hasher.verify(password.dropLast(), hash))
    }

    @Test("checks what was cut at a zero byte as wrong")
    func zeroByte() async throws {
        let hasher = try PasswordHasher(cost: 1)
        let hash = try await hasher.hash(Array("ab".utf8))
        #expect(try await !hasher.verify([97, 98, 0, 99], hash))
        let star = try await hasher.hash([0x2A])
        #expect(try await !hasher.verify([0], star))
    }

    @Test("computes one hash for every check, also without one to compare")
    func oneHash() async throws {
        let hasher = try PasswordHasher(cost: 1)
        let hash = try await hasher.hash([65])
        for (password, expected) in [
            ([65], hash), ([66], hash), ([65], nil), ([], nil), ([0], hash),
        ]
            as [([UInt8], String?)]
        {
            let before = hasher.computed
            _ = try await hasher.verify(password, expected)
            #expect(hasher.computed == before + 1)
        }
    }

    @Test("refuses to let an unbounded number wait")
    func busy() async throws {
        let hasher = try PasswordHasher(cost: 1, maximumWaiting: 2)
        let busy = await withTaskGroup(of: MessageCode?.self) { group in
            for _ in 0..<50 {
                group.addTask { await code { try await hasher.verify([65], nil) } }
            }
            return await group.reduce(into: 0) { $0 += $1 == .authdBusy ? 1 : 0 }
        }
        #expect(busy > 0)
        #expect(hasher.computed == 50 - busy)
    }
}
