import AuthClient
import HTTPTypes
package import Hummingbird
import NIOCore
package import SharedHTTP
import SharedMessages

/// The administration of certificate authorities, beside that of users.
package struct AuthorityAdminRoutes: Sendable {
    private let issuer: CertificateIssuer

    package init(_ issuer: CertificateIssuer) { self.issuer = issuer }

    package func add(to router: Router<HTTPContext>) {
        router.get(RouterPath(AuthorityRoutes.authorities)) { _, _ in
            try await explained { try .json(try await issuer.authorities()) }
        }
        router.post(RouterPath(AuthorityRoutes.authorities)) { request, _ in
            let authority = try await read(NewAuthority.self, request)
            return try await explained {
                try .json(try await issuer.add(authority), status: .created)
            }
        }
        router.post("\(AuthorityRoutes.authorities)/:name/rotate") { _, context in
            let name = try context.parameters.require("name")
            return try await explained { try .json(try await issuer.rotate(name)) }
        }
        router.delete("\(AuthorityRoutes.authorities)/:name") { _, context in
            let name = try context.parameters.require("name")
            return try await done { try await issuer.remove(name) }
        }
        addCertificates(to: router)
    }

    private func addCertificates(to router: Router<HTTPContext>) {
        router.get(RouterPath(AuthorityRoutes.certificates)) { request, _ in
            let (subject, limit) = try request.listing
            return try Response.json(try await issuer.certificates(of: subject, limit: limit))
        }
        router.post(RouterPath(AuthorityRoutes.hostCertificates)) { request, _ in
            let host = try await read(NewHostCertificate.self, request)
            return try await explained {
                try .json(try await issuer.certifyHost(host), status: .created)
            }
        }
        router.post(RouterPath(AuthorityRoutes.userCertificates)) { request, _ in
            let user = try await read(NewUserCertificate.self, request)
            return try await explained {
                try .json(try await issuer.certifyUser(user), status: .created)
            }
        }
        router.post(RouterPath(AuthorityRoutes.revocations)) { request, _ in
            let revocation = try await read(NewRevocation.self, request)
            return try await done { try await issuer.revoke(revocation) }
        }
        router.get(RouterPath(AuthorityRoutes.list)) { _, _ in
            let bytes = try await issuer.revocationList()
            return Response(
                status: .ok,
                headers: [.contentType: "application/octet-stream"],
                body: .init(byteBuffer: ByteBuffer(bytes: bytes))
            )
        }
    }
}
