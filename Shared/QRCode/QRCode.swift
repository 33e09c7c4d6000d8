import CQREncode

/// A QR code for a terminal, two rows of squares in each line of text.
package struct QRCode: Sendable {
    private let width: Int
    private let squares: [Bool]

    /// `nil` for more than a QR code holds.
    package init?(_ text: String) {
        guard let code = unsafe QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L) else { return nil }
        defer { unsafe QRcode_free(code) }
        let width = Int(unsafe code.pointee.width)
        guard let data = unsafe code.pointee.data else { return nil }
        // The lowest bit is the colour (qrencode.h).
        squares = (0..<width * width).map { unsafe data[$0] & 1 == 1 }
        self.width = width
    }

    /// Dark squares are left out, for the light text on dark ground of most terminals; with the
    /// quiet zone of four squares that readers expect.
    package var text: String {
        var lines: [String] = []
        for row in stride(from: -4, to: width + 4, by: 2) {
            lines.append(
                (-4..<width + 4).map { column in
                    switch (isDark(row, column), isDark(row + 1, column)) {
                    case (false, false): "█"
                    case (false, true): "▀"
                    case (true, false): "▄"
                    case (true, true): " "
                    }
                }.joined()
            )
        }
        return lines.joined(separator: "\n")
    }

    private func isDark(_ row: Int, _ column: Int) -> Bool {
        guard (0..<width).contains(row), (0..<width).contains(column) else { return false }
        return squares[row * width + column]
    }
}
