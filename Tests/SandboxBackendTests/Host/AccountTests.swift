import Testing

@testable import SandboxBackend

@Suite("The account inside a sandbox")
struct AccountTests {
    @Test(
        "a login name that can be an account's is kept",
        arguments: ["ada", "_x", "a.b-c_9", "Ada"]
    )
    func keepsName(_ login: String) {
        let account = Account(login: login)
        #expect(account.name == login)
        #expect(account.home == "/home/" + login)
        #expect(
            account.passwd(shell: "/bin/sh").contains(
                "\(login):x:1000:1000:\(login):/home/\(login):/bin/sh\n"
            )
        )
    }

    @Test(
        "one that cannot becomes user",
        arguments: [
            "", "root", "../etc", "a b", "a:b", "a\nroot:x:0", "9lives", "-rf", "é",
            String(repeating: "a", count: 33), "nobody",
        ]
    )
    func replacesName(_ login: String) {
        #expect(Account(login: login).name == "user")
    }
}
