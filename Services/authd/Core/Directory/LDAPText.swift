/// Puts what people have typed into filters and names, where it can be nothing but a value.
enum LDAPText {
    /// Fills `{username}` and `{dn}` of a filter; every special byte becomes `\xx` (RFC 4515 §3).
    static func filter(_ template: String, username: String, dn: String = "") -> String {
        fill(template, username: escapedForFilter(username), dn: escapedForFilter(dn))
    }

    /// Fills `{username}` of a distinguished name (RFC 4514 §2.4).
    static func name(_ template: String, username: String) -> String {
        fill(template, username: escapedForName(username), dn: "")
    }

    static func escapedForFilter(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "*", "(", ")", "\\", "\0": result += hexadecimal(scalar)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    static func escapedForName(_ text: String) -> String {
        var result = ""
        let scalars = Array(text.unicodeScalars)
        for (index, scalar) in scalars.enumerated() {
            let isEdge = index == 0 || index == scalars.count - 1
            switch scalar {
            case "\"", "+", ",", ";", "<", ">", "\\", "=", "#":
                result += "\\"
                result.unicodeScalars.append(scalar)
            case " " where isEdge: result += "\\ "
            case _ where scalar.value < 0x20 || scalar.value == 0x7F: result += hexadecimal(scalar)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Whether a name can be asked for: some text of one line, no longer than any real one.
    static func isUsable(_ username: String) -> Bool {
        !username.isEmpty && username.utf8.count <= 256
            && !username.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }
    }

    /// Both at once, so that what has been put in is not looked at again.
    private static func fill(_ template: String, username: String, dn: String) -> String {
        var result = ""
        var rest = Substring(template)
        while let brace = rest.firstIndex(of: "{") {
            result += rest[..<brace]
            rest = rest[brace...]
            if rest.hasPrefix("{username}") {
                result += username
                rest = rest.dropFirst("{username}".count)
            } else if rest.hasPrefix("{dn}") {
                result += dn
                rest = rest.dropFirst("{dn}".count)
            } else {
                result += "{"
                rest = rest.dropFirst()
            }
        }
        return result + rest
    }

    private static func hexadecimal(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16)
        return "\\" + (digits.count == 1 ? "0" : "") + digits
    }
}
