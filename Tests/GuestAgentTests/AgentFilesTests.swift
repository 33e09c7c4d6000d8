import Foundation
import SharedMessages
import SSHTarget
import Testing

@testable import GuestAgent

@Suite struct AgentFilesTests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "berth-agent-files-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    @Test("the folder holds the program and its other names, for everybody to run")
    func folder() throws {
        try withFolder { folder in
            let files = AgentFiles(program: AgentProcess.program, folder: folder + "/agents")
            let path = try files.preparedFolder()
            #expect(path.hasPrefix(folder + "/agents/"))
            let said = try Child.run([path + "/agent", "version"])
            #expect(said.hasPrefix("berth-agent"))
            for link in AgentFiles.links {
                let target = try FileManager.default.destinationOfSymbolicLink(
                    atPath: "\(path)/bin/\(link)"
                )
                #expect(target == "../agent")
            }
            let again = AgentFiles(program: AgentProcess.program, folder: folder + "/agents")
            #expect(try again.preparedFolder() == path)
            let all = try FileManager.default.contentsOfDirectory(atPath: folder + "/agents")
            #expect(all.count == 1)
        }
    }

    @Test("a folder that others may write to is not taken")
    func foreignFolder() throws {
        try withFolder { folder in
            let path = try AgentFiles(program: AgentProcess.program, folder: folder)
                .preparedFolder()
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o777],
                ofItemAtPath: path + "/agent"
            )
            let error = #expect(throws: CodedError.self) {
                try AgentFiles(program: AgentProcess.program, folder: folder).preparedFolder()
            }
            #expect(error?.code == .agentFilesFailed)
        }
    }

    @Test("what tar(1) unpacks is the same")
    func archive() throws {
        try withFolder { folder in
            let files = AgentFiles(program: AgentProcess.program, folder: folder)
            try Data(files.archive()).write(to: URL(filePath: folder + "/a.tar"))
            try Child.run(["/usr/bin/tar", "-C", folder, "-xf", folder + "/a.tar"])
            let unpacked = FileManager.default.contents(atPath: folder + "/.berth/agent")
            #expect(unpacked == FileManager.default.contents(atPath: AgentProcess.program))
            let said = try Child.run([folder + "/.berth/agent", "version"])
            #expect(said.hasPrefix("berth-agent"))
            let target = try FileManager.default.destinationOfSymbolicLink(
                atPath: folder + "/.berth/bin/scp"
            )
            #expect(target == "../agent")
        }
    }

    @Test("a program that is missing, or none, has a code", arguments: ["/no/such", "/etc/passwd"])
    func missing(_ program: String) throws {
        let error = #expect(throws: CodedError.self) {
            try AgentFiles(program: program, folder: "/tmp").archive()
        }
        #expect(error?.code == .agentFilesFailed)
        #expect(error?.personText != nil)
    }
}
