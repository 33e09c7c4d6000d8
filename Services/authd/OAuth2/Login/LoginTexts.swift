import SharedModels
import SharedQRCode

/// What a person is shown.
enum LoginTexts {
    static func device(_ grant: DeviceGrant, withQRCode: Bool) -> String {
        let complete = grant.completeURL ?? grant.verificationURL
        var text = """
            Open this address in a browser:

              \(grant.verificationURL)

            and enter the code:  \(grant.userCode)


            """
        if let url = grant.completeURL, url != grant.verificationURL {
            text += "or open this one, which has the code in it:\n\n  \(url)\n\n"
        }
        return text + code(complete, withQRCode) + "The login goes on when you are done there.\n"
    }

    static func paste(_ url: String, withQRCode: Bool) -> String {
        """
        Open this address in a browser, and log in there:

          \(url)

        \(code(url, withQRCode))Then paste the code that you are shown.

        """
    }

    static let prompt = KeyboardRound.Prompt("Code: ")

    private static func code(_ url: String, _ isShown: Bool) -> String {
        guard isShown, let text = QRCode(url)?.text,
            text.utf8.count < KeyboardRound.maximumInstruction / 2
        else { return "" }
        return text + "\n\n"
    }
}
