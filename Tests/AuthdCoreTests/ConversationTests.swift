import AuthClient
import Foundation
import SharedConfig
import SharedMessages
import SharedModels
import Testing

@testable import AuthdCore

@Suite("Codes of authenticator apps")
struct TOTPTests {
    /// RFC 6238, appendix B, the last six digits.
    @Test(
        "are those of the standard",
        arguments: [
            (59, "287082"), (1_111_111_109, "081804"), (1_111_111_111, "050471"),
            (1_234_567_890, "005924"), (2_000_000_000, "279037"), (20_000_000_000, "353130"),
        ]
    )
    func codes(_ seconds: Int, _ code: String) {
        let secret = Array("12345678901234567890".utf8)
        #expect(TOTP.code(secret, step: TOTP.step(at: seconds)) == code)
    }

    @Test("a clock may be wrong by as many steps as configured")
    func skew() {
        let secret = Array("12345678901234567890".utf8)
        let code = TOTP.code(secret, step: 100)
        for (now, skew, isFound) in [
            (3000, 0, true), (3029, 0, true), (3030, 0, false), (3030, 1, true), (2970, 1, true),
            (3060, 1, false), (2969, 1, false),
        ] {
            #expect((TOTP.step(of: code, secret, at: now, skew: skew) == 100) == isFound)
        }
        #expect(TOTP.step(of: "", secret, at: 3000, skew: 1) == nil)
    }

    /// RFC 4648 §10, without padding.
    @Test(
        "secrets are written in base32",
        arguments: [
            ("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"), ("foobar", "MZXW6YTBOI"),
        ]
    )
    func base32(_ text: String, _ encoded: String) {
        #expect(Base32.encode(Array(text.utf8)) == encoded)
    }
}

@Suite("Second factors in conversations", .timeLimit(.minutes(2)))
struct ConversationTests {
    private struct Person {
        let fixture: Fixture
        let conversation: Conversation
        let secret: [UInt8]
        let recoveryCodes: [String]

        var now: Int { Int(Date.now.timeIntervalSince1970) }

        /// A code that counts now and was not used to set the factor up.
        var nextCode: String { TOTP.code(secret, step: TOTP.step(at: now) + 1) }

        func step(
            _ step: KeyboardRequest.Step,
            as name: String = "alice",
            carried: ConnectionMetadata = .init(),
            connection: String = "c0ffee"
        ) async throws -> KeyboardResponse {
            var head = request(name, .password([])).head
            head.carried = carried
            head.connectionID = connection
            return try await conversation.answer(KeyboardRequest(head: head, step: step))
        }

        /// The next round of the conversation; fails if it is over.
        func round(_ step: KeyboardRequest.Step, carried: ConnectionMetadata = .init())
            async throws -> KeyboardRound
        {
            guard case .round(let round) = try await self.step(step, carried: carried) else {
                throw CodedError(.authdHashFailed, detail: "no round")
            }
            return round
        }

        func isAccepted(_ answer: String, _ round: KeyboardRound, connection: String = "c0ffee")
            async throws -> Bool
        {
            let step = KeyboardRequest.Step.answers([Array(answer.utf8)], state: round.state)
            guard case .verdict(let verdict) = try await self.step(step, connection: connection)
            else { return false }
            return verdict.success
        }

        func afterPassword() async throws -> KeyboardRound {
            let first = try await round(.begin(devices: ""))
            return try await round(.answers([Array("pw".utf8)], state: first.state))
        }
    }

    private func run(isEnrolled: Bool = true, _ body: (Person) async throws -> Void) async throws {
        try await Fixture.run { fixture async throws in
            let user = NewUser(name: "alice", passwordBase64: base64("pw"), keys: [Keys.first])
            _ = try await fixture.administrator.add(user)
            var secret: [UInt8] = []
            var codes: [String] = []
            if isEnrolled {
                secret = Array("12345678901234567890".utf8)
                codes = ["ABCD-EFGH-IJKL-MNOP", "AAAA-BBBB-CCCC-DDDD"]
                try await fixture.store.enrolTOTP("alice", secret: secret, recoveryCodes: codes)
                let now = TOTP.step(at: Int(Date.now.timeIntervalSince1970))
                try await fixture.administrator.confirmTOTP(
                    "alice",
                    TOTP.code(secret, step: now),
                    skew: 1
                )
            }
            try await body(
                Person(
                    fixture: fixture,
                    conversation: try await fixture.conversation(),
                    secret: secret,
                    recoveryCodes: codes
                )
            )
        }
    }

    @Test("without a second factor the password is enough; a wrong one is refused")
    func passwordOnly() async throws {
        try await run(isEnrolled: false) { person async throws in
            let first = try await person.round(.begin(devices: ""))
            #expect(first.prompts.map(\.prompt) == ["Password: "])
            #expect(first.prompts.allSatisfy { !$0.echo })
            #expect(try await person.isAccepted("pw", first))
            #expect(try await !person.isAccepted("no", first))
        }
    }

    @Test("with one the code follows, and only the right one lets in, once")
    func once() async throws {
        try await run { person async throws in
            let second = try await person.afterPassword()
            #expect(second.prompts.count == 1)
            for wrong in ["", "000000x", "pw"] {
                #expect(try await !person.isAccepted(wrong, second))
            }
            let code = person.nextCode
            #expect(try await person.isAccepted(code, second))
            // The same step again, as after a lost answer.
            #expect(try await person.isAccepted(code, second))
            // Another login with the same code.
            let other = try await person.afterPassword()
            #expect(try await !person.isAccepted(code, other))
            #expect(person.fixture.logText.contains("AUTHD_CODE_REPLAYED"))
            #expect(!person.fixture.logText.contains(code))
        }
    }

    @Test("a code that has confirmed the setting up lets nobody in")
    func confirmedCode() async throws {
        try await run { person async throws in
            let step = TOTP.step(at: person.now)
            let second = try await person.afterPassword()
            // The step may have changed since; older ones do not count either.
            #expect(try await !person.isAccepted(TOTP.code(person.secret, step: step - 1), second))
        }
    }

    @Test("a recovery code lets in once, in any spelling, and is marked")
    func recovery() async throws {
        try await run { person async throws in
            #expect(try await person.isAccepted("abcd efgh-ijklmnop", person.afterPassword()))
            #expect(person.fixture.logText.contains("AUTHD_RECOVERY_CODE_USED"))
            #expect(try await !person.isAccepted("ABCD-EFGH-IJKL-MNOP", person.afterPassword()))
            #expect(try await person.isAccepted("AAAA-BBBB-CCCC-DDDD", person.afterPassword()))
        }
    }

    @Test("the password alone, without a conversation, is refused; the key alone is not")
    func passwordAlone() async throws {
        try await run { person async throws in
            let question = request("alice", .password(Array("pw".utf8)))
            #expect(try await !person.fixture.authority.answer(question).success)
            let lenient = Authority(
                person.fixture.passwords,
                passwordAlone: true,
                logger: person.fixture.logger
            )
            #expect(try await lenient.answer(question).success)
            let key = request("alice", .publicKey(Keys.first))
            #expect(try await person.fixture.authority.answer(key).success)
        }
    }

    @Test("after a key the code alone is asked for")
    func afterKey() async throws {
        try await run { person async throws in
            let key = request("alice", .publicKey(Keys.first))
            let carried = try await person.fixture.authority.answer(key).carried
            let round = try await person.round(.begin(devices: ""), carried: carried)
            #expect(round.prompts.map(\.prompt) == ["Code of your app: "])
            #expect(try await person.isAccepted(person.nextCode, round))
        }
    }

    @Test("unknown users are asked as known ones are, and refused in the same words")
    func unknownUser() async throws {
        try await run { person async throws in
            guard case .round(let round) = try await person.step(.begin(devices: ""), as: "nobody")
            else {
                Issue.record("no question")
                return
            }
            #expect(round.prompts.map(\.prompt) == ["Password: "])
            let step = KeyboardRequest.Step.answers([Array("pw".utf8)], state: round.state)
            let refusal = KeyboardResponse.verdict(.init(success: false, unknownUser: true))
            #expect(try await person.step(step, as: "nobody") == refusal)
        }
    }

    @Test("a state is good for its user and connection, and unreadable and unforgeable")
    func states() async throws {
        try await run { person async throws in
            let round = try await person.round(.begin(devices: ""))
            #expect(!round.state.contains("alice"))
            let answer = KeyboardRequest.Step.answers([Array("pw".utf8)], state: round.state)
            #expect(try await !person.isAccepted("pw", round, connection: "other"))
            #expect(try await person.step(answer, as: "bob") == .verdict(.init(success: false)))
            let bytes = try #require(Data(base64Encoded: round.state))
            for index in bytes.indices {
                var changed = bytes
                changed[index] ^= 1
                let forged = KeyboardRound(state: changed.base64EncodedString())
                #expect(try await !person.isAccepted("pw", forged))
            }
            for state in ["", "x", "AAAA"] {
                #expect(try await !person.isAccepted("pw", KeyboardRound(state: state)))
            }
        }
    }

    @Test("an old state does not count")
    func oldState() throws {
        let state = ConversationState(
            stage: .code,
            username: "a",
            connection: "c",
            until: 1000,
            use: ""
        )
        var head = request("a", .password([])).head
        head.connectionID = "c"
        #expect(state.isOf(head, at: 999))
        #expect(!state.isOf(head, at: 1000))
    }

    @Test("another authd with the same database goes on with a conversation")
    func anotherAuthd() async throws {
        try await run { person async throws in
            let second = try await person.afterPassword()
            let other = Person(
                fixture: person.fixture,
                conversation: try await person.fixture.conversation(),
                secret: person.secret,
                recoveryCodes: []
            )
            #expect(try await other.isAccepted(other.nextCode, second))
        }
    }

    @Test("a disabled user is refused also with the right answers")
    func disabled() async throws {
        try await run { person async throws in
            let second = try await person.afterPassword()
            _ = try await person.fixture.administrator.change("alice", UserChange(disabled: true))
            #expect(try await !person.isAccepted(person.nextCode, second))
        }
    }

    @Test("setting up ends with a right code; removing takes codes and recovery codes away")
    func enrolment() async throws {
        try await run(isEnrolled: false) { person async throws in
            try await person.fixture.serve { url async throws in
                let client = try UserClient(
                    HTTPClientConfig(url: url),
                    logger: person.fixture.logger
                )
                #expect(
                    await code { try await client.confirmTOTP("alice", code: "1") }
                        == .authdSecondFactorUnknown
                )
                let made = try await client.enrolTOTP("alice")
                #expect(made.url.hasPrefix("otpauth://totp/Berth:alice?secret=\(made.secret)&"))
                #expect(Set(made.recoveryCodes).count == 8)
                #expect(try await !client.user("alice").secondFactor)
                #expect(
                    await code { try await client.confirmTOTP("alice", code: "1") }
                        == .authdCodeWrong
                )
                try await client.removeTOTP("alice")
                let again = await code { try await client.removeTOTP("alice") }
                #expect(again == .authdSecondFactorUnknown)
            }
        }
    }
}
