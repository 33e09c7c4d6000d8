import SSHTestServer
import SharedSSH
import Testing

/// Clients that do things in another order than OpenSSH's.
@Suite("The engine with clients in Python")
struct PythonClientTests {
    private static func run(_ script: String) async throws -> (status: Int32, output: String) {
        try await shell("python3 - <<'END'\n\(script)\nEND")
    }

    @Test("paramiko logs in, runs, and closes without EOF", .enabled(if: hasModule("paramiko")))
    func paramiko() async throws {
        try await TestServer.run { server in
            let ended = try await Self.run(
                """
                import paramiko
                client = paramiko.SSHClient()
                client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
                client.connect('127.0.0.1', \(server.port), 'ann', 'good', look_for_keys=False,
                               allow_agent=False)
                stdin, stdout, stderr = client.exec_command('both')
                print(stdout.read(), stderr.read(), stdout.channel.recv_exit_status())
                channel = client.get_transport().open_session()
                channel.exec_command('sink')
                channel.sendall(b'x' * 100000)
                channel.shutdown_write()
                print(channel.makefile().read()[:6])
                channel = client.get_transport().open_session()
                channel.exec_command('hang')
                channel.close()
                client.close()
                """
            )
            #expect(
                ended.output == "b'to stdout\\n' b'to stderr\\n' 3\nb'100000'\n",
                "\(ended.output)"
            )
            try await server.journal.wait(for: .sessionClosed(3))
        }
    }

    @Test("asyncssh runs many programs at once", .enabled(if: hasModule("asyncssh")))
    func asyncSSH() async throws {
        try await TestServer.run { server in
            let ended = try await Self.run(
                """
                import asyncio, asyncssh
                async def main():
                    async with asyncssh.connect('127.0.0.1', \(server.port), username='ann',
                            password='good', known_hosts=None, client_keys=None) as client:
                        runs = [client.run(f'exit {n}') for n in range(20)]
                        print(sum(r.exit_status for r in await asyncio.gather(*runs)))
                        result = await client.run('cat', input='x' * 300000)
                        print(len(result.stdout), result.exit_status)
                asyncio.run(main())
                """
            )
            #expect(ended.output == "190\n300000 0\n", "\(ended.output)")
        }
    }
}

private func hasModule(_ name: String) -> Bool {
    (try? runTool(["python3", "-c", "import \(name)"]).status) == 0
}
