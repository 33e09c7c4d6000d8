import Foundation
package import SharedConfig
package import SharedMessages

/// The page that people come back to from the provider: it shows what they paste into the terminal.
package struct RedirectPage: Sendable {
    private let template: String
    /// Files that the page refers to; `nil` for the built-in one.
    private let folder: URL?

    private static let longestPage = 1 << 20
    private static let longestFile = 8 << 20

    /// Reads the page, so it blocks. Throws `AUTH_OAUTH2_PAGE_UNUSABLE` when `webroot` has none.
    package init(_ config: OAuth2RedirectConfig) throws(CodedError) {
        guard !config.webroot.isEmpty else {
            template = Self.builtIn
            folder = nil
            return
        }
        let folder = URL(filePath: config.webroot).resolvingSymlinksInPath()
        guard
            let data = Self.read(folder.appending(path: "index.html"), atMost: Self.longestPage),
            let text = String(data: data, encoding: .utf8)
        else { throw CodedError(.authOAuth2PageUnusable, detail: config.webroot) }
        template = text
        self.folder = folder
    }

    /// The page for what the provider has sent back; the code is `state|code`.
    func text(state: String, code: String) -> String {
        let pasted = state.isEmpty && code.isEmpty ? "" : "\(state)|\(code)"
        return template.replacing(/\{\{\s*\.Code\s*\}\}/, with: { _ in Self.escaped(pasted) })
    }

    /// A regular file below `webroot`; `nil` for everything else.
    func file(_ path: String) -> (type: String, content: Data)? {
        guard let folder, path.utf8.count <= 512 else { return nil }
        let names = path.split(separator: "/")
        guard !names.isEmpty,
            names.allSatisfy({ !$0.hasPrefix(".") && $0.utf8.allSatisfy(\.isPlain) })
        else { return nil }
        let file = folder.appending(path: names.joined(separator: "/")).resolvingSymlinksInPath()
        guard file.path.hasPrefix(folder.path + "/"),
            let content = Self.read(file, atMost: Self.longestFile)
        else { return nil }
        return (Self.types[file.pathExtension.lowercased()] ?? "application/octet-stream", content)
    }

    private static let types = [
        "html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8",
        "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml", "png": "image/png",
        "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "ico": "image/x-icon",
        "webp": "image/webp", "woff2": "font/woff2", "woff": "font/woff", "txt": "text/plain",
    ]

    private static func read(_ file: URL, atMost limit: Int) -> Data? {
        guard let values = try? file.resourceValues(forKeys: [.isRegularFileKey, .fileSizeKey]),
            values.isRegularFile == true, values.fileSize ?? .max <= limit
        else { return nil }
        return try? Data(contentsOf: file)
    }

    /// For text and for attributes in either kind of quotes.
    static func escaped(_ text: String) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            // Ends no string of a script that somebody writes around the code.
            case "`", "\\", "\u{2028}", "\u{2029}": result += "&#\(character.value);"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }

    private static let builtIn = """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="robots" content="noindex">
        <title>Your code</title>
        <style>
        body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto;
          padding: 0 1rem; color: #1a1a1a; background: #fff; }
        code { display: block; padding: 1rem; border: 1px solid #888; border-radius: .4rem;
          overflow-wrap: anywhere; user-select: all; font-size: 1rem; }
        @media (prefers-color-scheme: dark) { body { color: #eee; background: #161616; } }
        </style>
        </head>
        <body>
        <h1>Nearly done</h1>
        <p>Copy this code, and paste it into the terminal where you log in:</p>
        <code>{{ .Code }}</code>
        <p>Paste it only there, and only if you began the login yourself. Whoever gets the code
        from you could log in with your name.</p>
        </body>
        </html>
        """
}

extension UInt8 {
    /// Letters, digits and the characters `. _ -`.
    fileprivate var isPlain: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
