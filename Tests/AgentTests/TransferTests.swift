import Foundation
import Glibc
import Testing

/// The built-in `scp` and `sftp-server`, with OpenSSH's own clients at the other end.
@Suite struct TransferTests {
    /// A folder with the agent under the two names, and `far`, which takes ssh's place: it runs
    /// what scp asks for with that `scp`.
    private func workplace() throws -> TestFolder {
        let folder = try TestFolder()
        try FileManager.default.createDirectory(
            atPath: folder("bin"),
            withIntermediateDirectories: true
        )
        for name in ["scp", "sftp-server"] {
            unsafe symlink(AgentChild.path, folder("bin/" + name))
        }
        // The last argument is the command.
        try folder.write(
            "far",
            "#!/bin/bash\nPATH=\(folder("bin")):$PATH\ncd \(folder.path)/there && exec sh -c \"${@: -1}\"\n"
        )
        unsafe chmod(folder("far"), 0o755)
        for name in ["here", "there"] {
            try FileManager.default.createDirectory(
                atPath: folder(name),
                withIntermediateDirectories: true
            )
        }
        return folder
    }

    private func scp(
        _ folder: TestFolder,
        _ arguments: String...
    ) throws -> (status: Int32, output: [UInt8], errors: String) {
        try AgentChild.run(["-O", "-S", folder("far")] + arguments, program: "/usr/bin/scp")
    }

    /// A tree with odd names, sizes and modes.
    private func plant(_ folder: TestFolder, _ name: String) throws {
        let files = FileManager.default
        try files.createDirectory(
            atPath: folder(name + "/sub/deep er"),
            withIntermediateDirectories: true
        )
        try folder.write(name + "/empty", "")
        try folder.write(name + "/a name  with spaces", "x")
        try folder.write(name + "/sub/script", "#!/bin/sh\n")
        let large = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 11) }
        try Data(large).write(to: URL(filePath: folder(name + "/sub/deep er/large")))
        unsafe chmod(folder(name + "/sub/script"), 0o750)
        unsafe chmod(folder(name + "/empty"), 0o400)
        let old = timespec(tv_sec: 1_000_000_000, tv_nsec: 0)
        _ = unsafe utimensat(AT_FDCWD, folder(name + "/empty"), [old, old], 0)
        _ = unsafe utimensat(AT_FDCWD, folder(name + "/sub"), [old, old], 0)
    }

    private func differences(_ folder: TestFolder, _ one: String, _ other: String) throws -> String
    {
        let end = try AgentChild.run(["-r", folder(one), folder(other)], program: "/usr/bin/diff")
        return String(decoding: end.output, as: UTF8.self) + end.errors
    }

    private func seconds(_ folder: TestFolder, _ name: String) throws -> Int {
        let facts = try FileManager.default.attributesOfItem(atPath: folder(name))
        return Int((facts[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0)
    }

    // MARK: scp

    @Test("scp sends one file, to a name and to a folder")
    func upload() throws {
        let folder = try workplace()
        try folder.write("here/f", "content")
        #expect(try scp(folder, folder("here/f"), "far:g").status == 0)
        #expect(try folder.text("there/g") == "content")
        #expect(try scp(folder, folder("here/f"), "far:").status == 0)
        #expect(try folder.text("there/f") == "content")
        // A shorter one over a longer one.
        try folder.write("here/f", "new")
        #expect(try scp(folder, folder("here/f"), "far:g").status == 0)
        #expect(try folder.text("there/g") == "new")
    }

    @Test("a tree goes there and back with -r and -p, unchanged")
    func tree() throws {
        let folder = try workplace()
        try plant(folder, "here/tree")
        let there = try scp(folder, "-r", "-p", folder("here/tree"), "far:copy")
        #expect(there.status == 0, "\(there.errors)")
        #expect(try differences(folder, "here/tree", "there/copy") == "")
        let back = try scp(folder, "-r", "-p", "far:copy", folder("here/back"))
        #expect(back.status == 0, "\(back.errors)")
        #expect(try differences(folder, "here/tree", "here/back") == "")
        for place in ["there/copy", "here/back"] {
            #expect(try folder.mode(place + "/sub/script") == 0o750)
            #expect(try folder.mode(place + "/empty") == 0o400)
            #expect(try seconds(folder, place + "/empty") == 1_000_000_000)
            #expect(try seconds(folder, place + "/sub") == 1_000_000_000)
        }
    }

    @Test("several sources go to a folder, with spaces in their names")
    func several() throws {
        let folder = try workplace()
        for name in ["a b", "c"] { try folder.write("here/" + name, name) }
        try FileManager.default.createDirectory(
            atPath: folder("there/to"),
            withIntermediateDirectories: true
        )
        let there = try scp(folder, folder("here/a b"), folder("here/c"), "far:to")
        #expect(there.status == 0, "\(there.errors)")
        #expect(try folder.text("there/to/a b") == "a b")
        let back = try scp(folder, "far:to/a\\ b", "far:to/c", folder("here"))
        #expect(back.status == 0, "\(back.errors) \(back.output)")
        let none = try scp(folder, folder("here/a b"), folder("here/c"), "far:nothing")
        #expect(none.status == 1)
        #expect(none.errors.contains("nothing"))
    }

    @Test("patterns are the shell's")
    func patterns() throws {
        let folder = try workplace()
        for name in ["1.txt", "2.txt", "3.c"] { try folder.write("there/" + name, name) }
        #expect(try scp(folder, "far:*.txt", folder("here")).status == 0)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder("here")).sorted() == [
                "1.txt", "2.txt",
            ]
        )
    }

    @Test("what is not there, or a folder without -r, is told with a status of 1")
    func refused() throws {
        let folder = try workplace()
        try folder.write("there/good", "good")
        let missing = try scp(folder, "far:missing far:good", folder("here"))
        #expect(missing.status == 1)
        #expect(missing.errors.contains("scp: missing: No such file or directory"))
        let both = try scp(folder, "far:missing", "far:good", folder("here"))
        #expect(both.status == 1)
        #expect(try folder.text("here/good") == "good")
        try plant(folder, "there/tree")
        let plain = try scp(folder, "far:tree", folder("here"))
        #expect(plain.status == 1)
        #expect(plain.errors.contains("not a regular file"))
    }

    @Test("what cannot be written is told, and the other files still go")
    func unwritable() throws {
        let folder = try workplace()
        try plant(folder, "here/tree")
        try FileManager.default.createDirectory(
            atPath: folder("there/tree/empty"),
            withIntermediateDirectories: true
        )
        let end = try scp(folder, "-r", folder("here/tree"), "far:")
        #expect(end.status == 1)
        #expect(end.errors.contains("Is a directory"))
        #expect(try folder.text("there/tree/sub/script") == "#!/bin/sh\n")
    }

    @Test(
        "a client that sends names of other folders, or nonsense, is refused",
        arguments: [
            "C0644 1 ../evil\n", "C0644 1 a/b\n", "C0644 1 ..\n", "C0644 1 \n", "D0755 0 .\n",
            "C0944 1 x\n", "C0644 -1 x\n", "C0644 99999999999999999999 x\n", "X\n", "C\n", "T1 2\n",
            "E\n", "D0755 0 d\n",
        ]
    )
    func hostile(_ line: String) throws {
        let folder = try TestFolder()
        let end = try AgentChild.run(["scp", "-t", folder.path], input: Array((line + "xx").utf8))
        #expect(end.status == 1)
        #expect(end.output.starts(with: [0, 1]))
        #expect(try folder.names == [])
    }

    @Test(
        "scp refuses to be called by hand",
        arguments: [
            [], ["-t"], ["-f"], ["a", "b"], ["-t", "-f", "x"], ["-t", "a", "b"], ["-z", "-t", "x"],
        ]
    )
    func usage(_ arguments: [String]) throws {
        #expect(try AgentChild.run(["scp"] + arguments).status == 1)
    }

    // MARK: sftp

    private func sftp(
        _ folder: TestFolder,
        _ lines: [String]
    ) throws -> (status: Int32, output: String, errors: String) {
        let end = try AgentChild.run(
            ["-q", "-b", "-", "-D", folder("bin/sftp-server")],
            input: Array((lines.joined(separator: "\n") + "\n").utf8),
            program: "/usr/bin/sftp"
        )
        return (end.status, String(decoding: end.output, as: UTF8.self), end.errors)
    }

    @Test("sftp puts and gets trees, unchanged")
    func sftpTrees() throws {
        let folder = try workplace()
        try plant(folder, "here/tree")
        let end = try sftp(
            folder,
            [
                "cd \(folder("there"))", "lcd \(folder("here"))", "put -rp tree copy",
                "get -rp copy back",
            ]
        )
        #expect(end.status == 0, "\(end.errors)")
        #expect(try differences(folder, "here/tree", "there/copy") == "")
        #expect(try differences(folder, "here/tree", "here/back") == "")
        #expect(try folder.mode("here/back/sub/script") == 0o750)
        #expect(try seconds(folder, "there/copy/empty") == 1_000_000_000)
    }

    @Test("sftp's commands work")
    func sftpCommands() throws {
        let folder = try workplace()
        try folder.write("there/f", "content")
        let end = try sftp(
            folder,
            [
                "cd \(folder("there"))", "pwd", "mkdir d", "rename f d/g", "ln d/g hard",
                "ln -s d/g soft", "chmod 600 hard", "ls -l", "df", "mkdir empty", "rmdir empty",
                "rm soft", "put \(folder("far")) d/again", "ls -1 d",
            ]
        )
        #expect(end.status == 0, "\(end.errors)")
        #expect(end.output.contains("Remote working directory: \(folder("there"))"))
        #expect(end.output.contains("soft") && end.output.contains("d/again"))
        #expect(try folder.text("there/hard") == "content")
        #expect(try folder.mode("there/d/g") == 0o600)
        #expect(!FileManager.default.fileExists(atPath: folder("there/soft")))
    }

    @Test("sftp is told of what does not work")
    func sftpFailures() throws {
        let folder = try workplace()
        for (line, text) in [
            ("get /not/there", "not found"), ("mkdir /proc/x", "No such file"),
            ("rm /not/there", "No such file"), ("cd /etc/passwd", "not a directory"),
        ] {
            let end = try sftp(folder, [line])
            #expect(end.status == 1)
            #expect(end.errors.contains(text), "\(line): \(end.errors)")
        }
    }

    @Test("sftp-server -R changes nothing")
    func sftpReadOnly() throws {
        let folder = try workplace()
        try folder.write("there/f", "content")
        try folder.write("server", "#!/bin/sh\nexec \(folder("bin/sftp-server")) -R\n")
        unsafe chmod(folder("server"), 0o755)
        let lines = [
            "-rm f", "-put \(folder("far")) g", "-mkdir d", "-rename f g", "-ln f h", "-ln -s f s",
            "-chmod 600 f", "get f \(folder("here/f"))",
        ]
        let end = try AgentChild.run(
            ["-q", "-b", "-", "-D", folder("server")],
            input: Array(("cd \(folder("there"))\n" + lines.joined(separator: "\n") + "\n").utf8),
            program: "/usr/bin/sftp"
        )
        #expect(end.status == 0, "\(end.errors)")
        #expect(try folder.text("here/f") == "content")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder("there")) == ["f"])
        #expect(try folder.mode("there/f") != 0o600)
        #expect(try AgentChild.run(["sftp-server", "-P", "x"]).status == 1)
    }

    @Test(
        "what is no SFTP ends the server",
        arguments: [
            [0, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 1, 3], [0, 0, 0, 5, 3, 0, 0, 0, 1],
        ] as [[UInt8]]
    )
    func noSFTP(_ bytes: [UInt8]) throws {
        #expect(try AgentChild.run(["sftp-server"], input: bytes).status == 1)
    }

    @Test("a request that is cut off is a bad message, and the next is answered")
    func badMessage() throws {
        let start: [UInt8] = [0, 0, 0, 5, 1, 0, 0, 0, 3]
        let cut: [UInt8] = [0, 0, 0, 9, 3, 0, 0, 0, 7, 0, 0, 0, 99]
        let stat: [UInt8] = [0, 0, 0, 10, 17, 0, 0, 0, 8, 0, 0, 0, 1, 47]
        let end = try AgentChild.run(["sftp-server"], input: start + cut + stat)
        #expect(end.status == 0)
        let length = Int(end.output[3]) + Int(end.output[2]) << 8
        let answers = end.output.dropFirst(4 + length)
        // STATUS for 7 with SSH_FX_BAD_MESSAGE, ATTRS for 8.
        #expect(Array(answers.dropFirst(4).prefix(9)) == [101, 0, 0, 0, 7, 0, 0, 0, 5])
        #expect(answers.contains(105))
    }

    // MARK: Through init

    @Test("programs @scp and @sftp-server are the agent's own")
    func throughInit() throws {
        let folder = try TestFolder()
        try folder.write("f", "abc")
        let gateway = try FakeGateway()
        var start = Start("scp", "-f", folder("f"))
        start.program = "@scp"
        let scp = try gateway.start(start)
        try gateway.send(Kind.data, scp.id, [0, 0])
        #expect(try gateway.read(scp.id, until: "\n").hasSuffix(" 3 f\n"))
        try gateway.send(Kind.data, scp.id, [0, 0])
        #expect(try gateway.read(scp.id, until: "abc\0") == "abc\0")
        try gateway.send(Kind.data, scp.id, [0, 0])
        #expect(try gateway.collect(scp.id).exit?.number == 0)
        start = Start("sftp-server")
        start.program = "@sftp-server"
        let sftp = try gateway.start(start)
        try gateway.send(Kind.data, sftp.id, [0, 0, 0, 0, 5, 1, 0, 0, 0, 3])
        let version = try gateway.expect(Kind.data, sftp.id)
        #expect(Array(version.body[5..<10]) == [2, 0, 0, 0, 3])
        try gateway.end(sftp.id)
        #expect(try gateway.collect(sftp.id).exit?.number == 0)
        let id = gateway.newID()
        start.program = "@init"
        try gateway.send(Kind.start, id, start.body)
        #expect(try gateway.expectFailure(id) == ENOENT)
    }
}
