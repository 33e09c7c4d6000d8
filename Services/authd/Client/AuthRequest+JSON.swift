import Foundation
package import SharedModels

extension AuthRequest {
    /// The body of the request: keys in the published order, empty maps left out, one newline at
    /// the end.
    package var json: [UInt8] {
        var text = JSONObjectText()
        text.add(head)
        switch question {
        case .password(let bytes):
            text.add("passwordBase64", Data(bytes).base64EncodedString())
        case .publicKey(let line):
            text.add("publicKey", line)
        case .certificate(let certificate): text.add(certificate)
        case .authorization(let authenticatedUsername):
            if !authenticatedUsername.isEmpty {
                text.add("authenticatedUsername", authenticatedUsername)
            }
        }
        return Array((text.closed + "\n").utf8)
    }
}
