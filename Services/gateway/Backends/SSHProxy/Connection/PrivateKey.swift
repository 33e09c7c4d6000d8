import Clibssh
import SharedMessages

/// A private key in libssh's hands.
@safe
struct PrivateKey: ~Copyable {
    let pointer: ssh_key

    /// - Throws: `CodedError` when the text is no key, or the passphrase is wrong.
    init(_ text: String, passphrase: String) throws {
        var key: ssh_key?
        let phrase: String? = passphrase.isEmpty ? nil : passphrase
        guard unsafe ssh_pki_import_privkey_base64(text, phrase, nil, nil, &key) == SSH_OK,
            let key = unsafe key
        else {
            throw CodedError(
                .backendConfigError,
                detail: "sshproxy.privateKey is no private key, or sshproxy.passphrase is wrong"
            )
        }
        unsafe pointer = key
    }

    deinit { unsafe ssh_key_free(pointer) }
}

extension Transport {
    /// Whether the text is a key that can be used.
    static func checkKey(_ text: String, passphrase: String) throws {
        guard !text.isEmpty else { return }
        _ = try PrivateKey(text, passphrase: passphrase)
    }
}
