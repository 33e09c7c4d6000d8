import GatewayCore
import NIOCore
import SharedMessages
import SharedSSH

/// Puts a file on the target by its shell: written beside its place, and moved there when whole.
struct FilePut {
    let file: WorkspaceFile

    func run(in workspace: SSHProxyWorkspace) async throws {
        let program = try await workspace.start(ProgramRequest(kind: .exec(RawText(command))))
        do {
            let complaint = try await feed(program)
            let exit = try await program.exit()
            guard exit == .status(0) else {
                throw CodedError(.sshproxyFileFailed, detail: "\(exit): \(complaint)")
            }
        } catch {
            await program.terminate()
            throw error
        }
        await program.terminate()
    }

    /// What the target's shell says, at most a line.
    private func feed(_ program: any Program) async throws -> String {
        async let complaint = Self.listen(to: program)
        _ = try await program.write(ByteBuffer(bytes: file.content))
        await program.closeInput()
        return try await complaint
    }

    private static func listen(to program: any Program) async throws -> String {
        var text = ""
        while let piece = try await program.nextOutput() {
            if text.utf8.count < 200 { text += String(buffer: piece.bytes).prefix(200) }
        }
        return Farewell.printable(text)
    }

    private var command: String {
        let script = """
            umask 077
            case "$1" in */*) mkdir -p "${1%/*}/" || exit 1;; esac
            part="$1.berth-$$"
            cat >"$part" && test "$(wc -c <"$part")" -eq "$2" && chmod "$3" "$part" \
            && mv -f "$part" "$1" && exit 0
            rm -f "$part"; exit 1
            """
        let mode = String(file.mode & 0o7777, radix: 8)
        let words = ["/bin/sh", "-c", script, "berth", file.path, "\(file.content.count)", mode]
        return words.map(Self.quoted).joined(separator: " ")
    }

    /// One word for any POSIX shell.
    private static func quoted(_ word: String) -> String {
        "'"
            + word.split(separator: "'", omittingEmptySubsequences: false).joined(
                separator: "'\\''"
            )
            + "'"
    }
}
