import CAgent

/// Puts the agent into a folder, with links by the names it acts on: the way into containers whose
/// image does not have it.
enum InstallMode {
    private static let links = [bytes("scp"), bytes("sftp-server")]
    private static let alreadyThere: Int32 = 17  // EEXIST

    static func run(_ arguments: [[UInt8]]) -> Int32 {
        guard arguments.count == 1, arguments[0].first == UInt8(ascii: "/") else { return 1 }
        let folder = arguments[0]
        let failure = copy(to: folder + bytes("/agent"))
        guard failure == 0 else { return complain(folder, failure) }
        let binaries = folder + bytes("/bin")
        let made = unsafe withCString(binaries) { unsafe agent_make_folder($0, 0o755) }
        guard made == 0 || -made == alreadyThere else { return complain(binaries, -made) }
        for name in links {
            let link = binaries + bytes("/") + name
            let linked = unsafe withCString(bytes("../agent")) { goal in
                unsafe withCString(link) { unsafe agent_symbolic_link(goal, $0) }
            }
            guard linked == 0 || -linked == alreadyThere else { return complain(link, -linked) }
        }
        return 0
    }

    /// 0 or errno.
    private static func copy(to path: [UInt8]) -> Int32 {
        let own = unsafe withCString(bytes("/proc/self/exe")) {
            unsafe agent_open($0, Int32(AGENT_READ), 0)
        }
        guard own >= 0 else { return -own }
        defer { agent_close(own) }
        let file: FileItem
        do throws(SystemError) {
            file = try FileItem(path: path, mode: 0o755)
        } catch {
            return error.number
        }
        while true {
            let (piece, count) = readBytes(own, 65536)
            guard count > 0 else { break }
            file.write(piece[...])
        }
        return file.finish()
    }

    private static func complain(_ path: [UInt8], _ failure: Int32) -> Int32 {
        printLine(2, path + bytes(": ") + errorText(failure))
        return 1
    }
}
