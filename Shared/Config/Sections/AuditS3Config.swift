import FoundationEssentials

package struct AuditS3Config: ConfigSection {
    /// Where the keys come from that requests are signed with.
    package enum Credentials: String, ConfigChoice {
        /// `accessKey`, `secretKey` and `sessionToken`.
        case keys
        /// `credentialsFile`, in the format of the AWS tools; read again when it changes.
        case file
        /// `AWS_ACCESS_KEY_ID` and so on, of auditd's own environment.
        case environment
        /// A token of the machine's own identity, changed for keys by STS.
        case webIdentity
    }

    /// A checksum that the store verifies and keeps beside the object.
    package enum Checksum: String, ConfigChoice {
        case none
        case sha256
        case crc32
    }

    package enum Encryption: String, ConfigChoice {
        /// Whatever the bucket says.
        case none = ""
        case aes256 = "AES256"
        case kms = "aws:kms"
        case dualKMS = "aws:kms:dsse"
    }

    /// Where ContainerSSH kept recordings that wait for their upload; what it left is taken up.
    package var local = "/var/lib/audit"
    package var credentials = Credentials.keys
    package var accessKey = ""
    package var secretKey = Secret()
    package var sessionToken = Secret()
    package var credentialsFile = ""
    /// The section of `credentialsFile`.
    package var profile = "default"
    /// Empty: `AWS_ROLE_ARN`.
    package var roleARN = ""
    /// Empty: `AWS_WEB_IDENTITY_TOKEN_FILE`.
    package var webIdentityTokenFile = ""
    /// Empty: the one of AWS for the region.
    package var stsEndpoint = ""
    package var bucket = ""
    /// For what is no recording, asciicasts and the ledgers' heads; empty: in `bucket`.
    package var companionBucket = ""
    /// Before the connection's identifier in the object's name.
    package var prefix = ""
    package var region = ""
    /// Empty: the one of AWS for the region.
    package var endpoint = ""
    /// Trusted beside the system's roots.
    package var caCertificate = PEMSource()
    /// A canned ACL; empty: none is sent.
    package var acl = ""
    package var storageClass = ""
    package var checksum = Checksum.none
    package var serverSideEncryption = Encryption.none
    /// Empty: the one of AWS for the account.
    package var kmsKeyId = ""
    package var bucketKey = false
    /// 32 bytes in Base64 that the store encrypts with and does not keep (SSE-C); empty: none.
    package var customerKey = Secret()
    package var tags: [String: String] = [:]
    package var pathStyleAccess = false
    /// Bytes of the first parts of a multipart upload; 5 MiB...5 GiB.
    package var uploadPartSize = 5_242_880
    package var parallelUploads = 20
    /// Longest silence of the store.
    package var timeout: Duration = .seconds(60)
    /// Age at which an upload that nobody continues is given up; 0: never.
    package var staleAfter: Duration = .seconds(7 * 86_400)
    package var metadata = AuditS3MetadataConfig()

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("local", &local)
        visitKeys(&visitor)
        visitor.field("bucket", &bucket)
        visitor.field("companionBucket", &companionBucket)
        visitor.field("prefix", &prefix)
        visitor.field("region", &region)
        visitor.field("endpoint", &endpoint)
        visitor.field("cacert", &caCertificate)
        visitor.field("acl", &acl)
        visitor.field("storageClass", &storageClass)
        visitor.field("checksum", &checksum)
        visitor.field("serverSideEncryption", &serverSideEncryption)
        visitor.field("kmsKeyId", &kmsKeyId)
        visitor.field("bucketKey", &bucketKey)
        visitor.field("customerKey", &customerKey)
        visitor.field("tags", &tags)
        visitor.field("pathStyleAccess", &pathStyleAccess)
        visitor.field("uploadPartSize", &uploadPartSize)
        visitor.field("parallelUploads", &parallelUploads)
        visitor.field("timeout", &timeout)
        visitor.field("staleAfter", &staleAfter)
        visitor.section("metadata", &metadata)
    }

    private mutating func visitKeys(_ visitor: inout some ConfigVisitor) {
        visitor.field("credentials", &credentials)
        visitor.field("accessKey", &accessKey)
        visitor.field("secretKey", &secretKey)
        visitor.field("sessionToken", &sessionToken)
        visitor.field("credentialsFile", &credentialsFile)
        visitor.field("profile", &profile)
        visitor.field("roleARN", &roleARN)
        visitor.field("webIdentityTokenFile", &webIdentityTokenFile)
        visitor.field("stsEndpoint", &stsEndpoint)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.checkSet("local", local)
        checkKeys(&list)
        list.checkSet("bucket", bucket)
        list.check(Self.isPrefix(prefix), "prefix", prefix, Self.prefixRule)
        list.check("uploadPartSize", uploadPartSize, in: 5_242_880...5 << 30)
        list.check("parallelUploads", parallelUploads, in: 1...1000)
        list.check("timeout", timeout, atLeast: .seconds(1))
        list.check("staleAfter", staleAfter, atLeast: .zero)
        for (key, value) in [("acl", acl), ("storageClass", storageClass), ("kmsKeyId", kmsKeyId)] {
            list.check(Self.isHeaderValue(value), key, value, "must be printable ASCII")
        }
        let hasKMS = [.kms, .dualKMS].contains(serverSideEncryption)
        let needsKMS = "needs serverSideEncryption aws:kms or aws:kms:dsse"
        list.check(hasKMS || kmsKeyId.isEmpty, "kmsKeyId", kmsKeyId, needsKMS)
        list.check(hasKMS || !bucketKey, "bucketKey", "true", needsKMS)
        checkCustomerKey(&list)
        // https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
        let areTags = tags.allSatisfy { (1...128).contains($0.count) && $1.count <= 256 }
        let tagRule = "must be at most 10 names of 1...128 characters with values of up to 256"
        list.check(tags.count <= 10 && areTags, "tags", nil, tagRule)
        return list.problems
    }

    /// What `customerKey` stands for; `nil` if there is none, or none that is right.
    package var customerKeyBytes: [UInt8]? {
        guard let bytes = Data(base64Encoded: customerKey.reveal()), bytes.count == 32 else {
            return nil
        }
        return Array(bytes)
    }

    private func checkCustomerKey(_ list: inout Rules) {
        guard !customerKey.isEmpty else { return }
        list.check(customerKeyBytes != nil, "customerKey", nil, "must be 32 bytes in Base64")
        list.check(
            serverSideEncryption == .none,
            "customerKey",
            nil,
            "goes with no serverSideEncryption"
        )
        let isSafe = endpoint.isEmpty || endpoint.lowercased().hasPrefix("https:")
        list.check(isSafe, "customerKey", nil, "needs an endpoint with https")
    }

    private func checkKeys(_ list: inout Rules) {
        switch credentials {
        case .keys:
            list.checkSet("accessKey", accessKey)
            list.check(!secretKey.isEmpty, "secretKey", nil, "must be set")
        case .file:
            list.checkSet("credentialsFile", credentialsFile)
            list.checkSet("profile", profile)
        case .environment, .webIdentity: break
        }
        for (key, value) in [("endpoint", endpoint), ("stsEndpoint", stsEndpoint)] {
            list.check(
                value.isEmpty || HTTPClientConfig.isURL(value),
                key,
                value,
                "must be empty or an absolute URL"
            )
        }
    }

    private static let prefixRule =
        "must be letters, digits and -_.=/, without leading / and without . or .. as a step"

    private static func isPrefix(_ text: String) -> Bool {
        let isAllowed = text.utf8.allSatisfy { byte in
            switch Unicode.Scalar(byte) {
            case "a"..."z", "A"..."Z", "0"..."9", "-", "_", ".", "=", "/": true
            default: false
            }
        }
        let steps = text.split(separator: "/", omittingEmptySubsequences: false)
        return isAllowed && text.utf8.count <= 900 && !text.hasPrefix("/")
            && !steps.dropLast().contains { ["", ".", ".."].contains($0) }
    }

    private static func isHeaderValue(_ text: String) -> Bool {
        text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
}

/// Which facts become metadata of the uploaded object.
package struct AuditS3MetadataConfig: ConfigSection {
    package var ip = false
    package var username = false

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("ip", &ip)
        visitor.field("username", &username)
    }
}
