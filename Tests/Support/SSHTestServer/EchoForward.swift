package import SharedSSH

/// A forward whose far side sends back what it gets, its end included.
package struct EchoForward: ForwardHandler {
    private let channel: any ByteChannel
    private let journal: Journal?

    package init(_ channel: any ByteChannel, _ journal: Journal? = nil) {
        self.channel = channel
        self.journal = journal
    }

    package func run() async {
        do {
            while let bytes = try await channel.read() { try await channel.write(bytes) }
            await channel.sendEOF()
        } catch {
            journal?.add(.note("forward: \(error)"))
        }
    }

    package func closed() async { journal?.add(.note("forward closed")) }
}
