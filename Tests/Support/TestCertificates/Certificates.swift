package import Foundation

/// A certificate authority with a server and a client certificate, made by the openssl tool.
package struct Certificates: Sendable {
    package var authority: String
    package var serverCertificate: String
    package var serverKey: String
    package var clientCertificate: String
    package var clientKey: String

    package static func make(in folder: URL) throws -> Certificates {
        let shell = """
            set -e
            subject() { openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
            -subj "/CN=$1" -keyout $1.key -out $1.csr; }
            sign() { openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial \
            -days 2 -extfile $1.ext -out $1.pem; }
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
            -subj /CN=authority -keyout ca.key -out ca.pem
            echo "subjectAltName=DNS:localhost,IP:127.0.0.1" > server.ext
            echo "extendedKeyUsage=clientAuth" > client.ext
            subject server; sign server; subject client; sign client
            """
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", shell]
        process.currentDirectoryURL = folder
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failed() }
        func text(_ name: String) throws -> String {
            try String(contentsOf: folder.appending(path: name), encoding: .utf8)
        }
        return Certificates(
            authority: try text("ca.pem"),
            serverCertificate: try text("server.pem"),
            serverKey: try text("server.key"),
            clientCertificate: try text("client.pem"),
            clientKey: try text("client.key")
        )
    }

    /// The tool did not make them.
    package struct Failed: Error {}
}
