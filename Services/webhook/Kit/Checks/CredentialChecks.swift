import Foundation
import SharedConfig
import SharedHTTP

/// What is particular to passwords, keys and names.
enum CredentialChecks {
    static let passwords: [WebhookCheck] = [
        WebhookCheck(.password, "the right password is accepted, and names who it is") { probe in
            guard let question = rightPassword(probe) else { return needs("--password-file") }
            return try await probe.ask(.password, question).accepted
        },
        WebhookCheck(.password, "a wrong password is refused") { probe in
            guard !probe.target.username.isEmpty else { return needs("--user") }
            let question = Question(.password, username: probe.target.username)
            return try await probe.ask(.password, question).refused
        },
        WebhookCheck(.password, "the right password of another user is refused") { probe in
            guard let question = rightPassword(probe) else { return needs("--password-file") }
            let other = question.with("username", .string(Question.nobody))
            return try await probe.ask(.password, other).refused
        },
        WebhookCheck(.password, "the right password and one more byte is refused") { probe in
            guard let password = probe.target.password else { return needs("--password-file") }
            let question = question(probe, password + [0x21])
            return try await probe.ask(.password, question).refused
        },
        WebhookCheck(.password, "an empty password is refused") { probe in
            try await probe.ask(.password, question(probe, [])).rejected(.password)
        },
        WebhookCheck(.password, "a password with a zero byte is refused") { probe in
            let password = (probe.target.password ?? [0x61]) + [0]
            let answer = try await probe.ask(.password, question(probe, password))
            // HMAC, and so scrypt and PBKDF2, fill keys up with zeros (RFC 2104 §2).
            return answer.isSuccess
                ? .warned("the right password with a zero byte behind it is accepted")
                : answer.rejected(.password)
        },
        WebhookCheck(.password, "a password that is no UTF-8 is refused") { probe in
            let question = question(probe, [0xFF, 0xFE, 0x80])
            return try await probe.ask(.password, question).rejected(.password)
        },
        WebhookCheck(.password, "a password of 64 KiB is refused") { probe in
            let password = [UInt8](repeating: 0x61, count: 1 << 16)
            return try await probe.ask(.password, question(probe, password)).rejected(.password)
        },
        WebhookCheck(.password, "a password that is no base64 is rejected") { probe in
            let question = question(probe, []).with("passwordBase64", "*** no base64 ***")
            return try await probe.ask(.password, question).rejected(.password)
        },
        WebhookCheck(.password, "a question without a password is rejected") { probe in
            let question = question(probe, []).with("passwordBase64", nil)
            return try await probe.ask(.password, question).rejected(.password)
        },
        WebhookCheck(.password, "no reply repeats the password") { probe in
            let secret = "Tr0ub4dor-\(UInt64.random(in: 0 ... .max))"
            let question = question(probe, Array(secret.utf8))
            let reply = try await probe.post(.password, question.body)
            let text = String(decoding: reply.body, as: UTF8.self)
            let isRepeated = text.contains(secret) || text.contains(Question.base64(secret))
            return isRepeated ? .failed("the reply holds the password") : .passed
        },
        WebhookCheck(.password, "unknown users cost as much time as known ones") { probe in
            guard !probe.target.username.isEmpty else { return needs("--user") }
            let known = try await median(probe, probe.target.username)
            let unknown = try await median(probe, Question.nobody)
            let difference = max(known, unknown) - min(known, unknown)
            guard difference > .milliseconds(20), max(known, unknown) > min(known, unknown) * 2
            else { return .passed }
            return .warned(
                "\(milliseconds(known)) ms for a known and \(milliseconds(unknown)) ms for an "
                    + "unknown user: names can be found out"
            )
        },
    ]

    static let keys: [WebhookCheck] = [
        WebhookCheck(.publicKey, "the user's key is accepted, and names who it is") { probe in
            guard let question = rightKey(probe) else { return needs("--key-file") }
            return try await probe.ask(.publicKey, question).accepted
        },
        WebhookCheck(.publicKey, "another key is refused for the user") { probe in
            guard !probe.target.username.isEmpty else { return needs("--user") }
            let question = Question(.publicKey, username: probe.target.username)
            return try await probe.ask(.publicKey, question).refused
        },
        WebhookCheck(.publicKey, "the user's key is refused for another user") { probe in
            guard let question = rightKey(probe) else { return needs("--key-file") }
            let other = question.with("username", .string(Question.nobody))
            return try await probe.ask(.publicKey, other).refused
        },
        WebhookCheck(.publicKey, "the user's key with bytes behind it is refused") { probe in
            guard let key = probe.target.publicKey, let question = rightKey(probe) else {
                return needs("--key-file")
            }
            let parts = key.split(separator: " ")
            guard parts.count > 1, var blob = Data(base64Encoded: String(parts[1])) else {
                return .failed("--key-file holds no key")
            }
            blob.append(contentsOf: [0, 0, 0, 0])
            let longer = "\(parts[0]) \(blob.base64EncodedString())"
            let answer = try await probe.ask(
                .publicKey,
                question.with("publicKey", .string(longer))
            )
            return answer.rejected(.publicKey)
        },
        WebhookCheck(.publicKey, "a key that is none is rejected") { probe in
            let question = Question(.publicKey).with("publicKey", "ssh-ed25519 AAAA")
            return try await probe.ask(.publicKey, question).rejected(.publicKey)
        },
        WebhookCheck(.publicKey, "a certificate of an authority that nobody trusts is refused") {
            probe in
            let line = "ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5z"
            let question = Question(.publicKey, username: probe.target.username)
                .with("publicKey", .string(line))
            return try await probe.ask(.publicKey, question).rejected(.publicKey)
        },
        WebhookCheck(.publicKey, "a question without a key is rejected") { probe in
            let question = Question(.publicKey).with("publicKey", nil)
            return try await probe.ask(.publicKey, question).rejected(.publicKey)
        },
    ]

    static let names: [WebhookCheck] = [
        WebhookCheck(.authorization, "the user may log in under their own name") { probe in
            guard !probe.target.username.isEmpty else { return needs("--user") }
            let question = Question(.authorization, username: probe.target.username)
            return try await probe.ask(.authorization, question).accepted
        },
        WebhookCheck(.authorization, "an unknown identity may not log in as the user") { probe in
            guard !probe.target.username.isEmpty else { return needs("--user") }
            let question = Question(.authorization, username: probe.target.username)
                .with("authenticatedUsername", .string(Question.nobody))
            return try await probe.ask(.authorization, question).refused
        },
        WebhookCheck(.authorization, "nobody may log in without an identity") { probe in
            let name = probe.target.username.isEmpty ? Question.nobody : probe.target.username
            let question = Question(.authorization, username: name)
                .with("authenticatedUsername", nil)
            return try await probe.ask(.authorization, question).rejected(.authorization)
        },
    ]

    private static func rightPassword(_ probe: Probe) -> Question? {
        probe.target.password.map { question(probe, $0) }
    }

    private static func rightKey(_ probe: Probe) -> Question? {
        probe.target.publicKey.map {
            Question(.publicKey, username: probe.target.username).with("publicKey", .string($0))
        }
    }

    private static func question(_ probe: Probe, _ password: [UInt8]) -> Question {
        let name = probe.target.username.isEmpty ? Question.nobody : probe.target.username
        return Question(.password, username: name)
            .with("passwordBase64", .string(Question.base64(password)))
    }

    private static func median(_ probe: Probe, _ name: String) async throws -> Duration {
        var times: [Duration] = []
        for _ in 0..<5 {
            let start = ContinuousClock.now
            _ = try await probe.ask(.password, Question(.password, username: name))
            times.append(ContinuousClock.now - start)
        }
        return times.sorted()[2]
    }
}

func needs(_ option: String) -> CheckOutcome { .skipped("needs \(option)") }

func milliseconds(_ duration: Duration) -> Int64 {
    duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000
}
