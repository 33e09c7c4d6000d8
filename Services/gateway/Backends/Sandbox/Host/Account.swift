/// Who a person is inside a sandbox: an unprivileged account with their login name.
struct Account: Sendable, Hashable {
    let name: String
    let home: String

    /// The number inside; outside it is another one.
    static let number = 1000
    private static let longestName = 32

    /// A login name that cannot be an account's (useradd(8)) gives the account `user`.
    init(login: String) {
        name = Self.isUsable(login) ? login : "user"
        home = "/home/" + name
    }

    private static func isUsable(_ login: String) -> Bool {
        guard let first = login.utf8.first, login.utf8.count <= longestName else { return false }
        let isLetter: (UInt8) -> Bool = {
            (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) || $0 == 0x5F
        }
        let rest = login.utf8.allSatisfy {
            isLetter($0) || (0x30...0x39).contains($0) || $0 == 0x2D || $0 == 0x2E
        }
        return isLetter(first) && rest && !taken.contains(login)
    }

    private static let taken: Set<String> = ["root", "nobody", "nogroup", "tty"]

    func passwd(shell: String) -> String {
        """
        root:x:0:0:root:/root:/usr/sbin/nologin
        \(name):x:\(Self.number):\(Self.number):\(name):\(home):\(shell)
        nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin

        """
    }

    var group: String {
        """
        root:x:0:
        tty:x:5:
        \(name):x:\(Self.number):
        nogroup:x:65534:

        """
    }
}
