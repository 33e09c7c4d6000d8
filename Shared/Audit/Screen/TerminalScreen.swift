package import NIOCore

/// What a terminal shows, line by line: as much of a terminal as is needed to read its text.
///
/// A line is given out when the cursor leaves it, when it is about to be erased or written over
/// from its beginning, and at the end; the same text is not given twice for the same row unless it
/// was written again. Colours are ignored. Memory is bounded by the size, which is clamped.
package struct TerminalScreen: Sendable {
    /// A line that was on the screen.
    package struct Line: Sendable, Hashable {
        package var text: String
        /// When it was last written to, as given to `write`.
        package var time: Int64
    }

    /// A place in the text that stays right when the screen scrolls.
    package struct Place: Sendable, Hashable {
        fileprivate var line: Int
        fileprivate var column: Int
    }

    private struct Row {
        var cells: [Character] = []
        var isDirty = false
        var shown = ""
        var time: Int64 = 0
    }

    /// Largest sizes that are believed; a program without terminal gets the widest.
    private static let columnLimit = 4096
    private static let rowLimit = 256
    private static let parameterLimit = 32

    private var rows: [Row]
    private var columns: Int
    private var row = 0
    private var column = 0
    /// How many rows have left at the top.
    private var scrolled = 0
    private var watched: Place?
    private var captured: String?
    private var savedPlace = (row: 0, column: 0)
    private var otherRows: [Row]?
    private var region: Range<Int>
    /// Whether a line feed also returns to the first column: there is no terminal that would.
    private let isPlain: Bool
    private var parser = ControlParser()
    private var lines: [Line] = []
    private var now: Int64 = 0

    /// A terminal of this size; without one, what a program wrote into a pipe.
    package init(size: AuditEvent.Size?) {
        isPlain = size == nil
        columns = Self.clamp(size?.columns ?? UInt32(Self.columnLimit), Self.columnLimit, 80)
        let height = Self.clamp(size?.rows ?? 1, Self.rowLimit, 24)
        rows = Array(repeating: Row(), count: height)
        region = 0..<height
    }

    private static func clamp(_ value: UInt32, _ limit: Int, _ fallback: Int) -> Int {
        value == 0 ? fallback : min(Int(value), limit)
    }

    /// Shows more output.
    package mutating func write(_ data: ByteBuffer, at time: Int64) {
        now = time
        for byte in data.readableBytesView { if let action = parser.take(byte) { apply(action) } }
    }

    package mutating func resize(to size: AuditEvent.Size, at time: Int64) {
        guard !isPlain else { return }
        now = time
        leaveAll()
        columns = Self.clamp(size.columns, Self.columnLimit, 80)
        let height = Self.clamp(size.rows, Self.rowLimit, 24)
        // The lines at the bottom stay, as the cursor is there.
        if row >= height {
            rows.removeFirst(row - height + 1)
            row = height - 1
        }
        rows = Array((rows + Array(repeating: Row(), count: height)).prefix(height))
        otherRows = otherRows.map { _ in Array(repeating: Row(), count: height) }
        region = 0..<height
        column = min(column, columns - 1)
    }

    /// The lines that were completed since the last call.
    package mutating func takeLines() -> [Line] {
        defer { lines = [] }
        return lines
    }

    /// What is on the screen at the end counts too.
    package mutating func finish() -> [Line] {
        leaveAll()
        return takeLines()
    }

    /// Whether a program has the whole screen for itself, as editors and pagers have.
    package var isFullScreen: Bool { otherRows != nil }

    /// Where the cursor is.
    package var place: Place { Place(line: row + scrolled, column: column) }

    /// Has the text between `place` and the cursor taken down when the next line feed comes.
    package mutating func watch(from place: Place) { watched = place }

    /// The text that was taken down; wrapped rows are one text.
    package mutating func takeCaptured() -> String? {
        defer { captured = nil }
        return captured
    }

    private mutating func capture() {
        guard let place = watched else { return }
        watched = nil
        let first = place.line - scrolled
        guard (0...row).contains(first) else { return }
        var text = String(rows[first].cells.dropFirst(place.column))
        for index in first..<row { text += String(rows[index + 1].cells) }
        captured = text.trimmingBlanks
    }

    // MARK: - Printing

    private mutating func apply(_ action: ControlParser.Action) {
        switch action {
        case .print(let scalar): print(scalar)
        case .control(let byte): control(byte)
        case .escape(let byte): escape(byte)
        case .sequence(let final, let numbers, let prefix): sequence(final, numbers, prefix)
        }
    }

    private mutating func print(_ scalar: Unicode.Scalar) {
        if scalar.properties.isCombining {
            combine(scalar)
            return
        }
        let width = scalar.isWide ? 2 : 1
        if column + width > columns { wrap() }
        pad(to: column)
        for offset in 0..<width { put(offset == 0 ? Character(scalar) : "\0", at: column + offset) }
        column += width
        rows[row].isDirty = true
        rows[row].time = now
    }

    /// Adds a mark to the character before the cursor.
    private mutating func combine(_ mark: Unicode.Scalar) {
        guard column > 0, column <= rows[row].cells.count else { return }
        let isWide = column > 1 && rows[row].cells[column - 1] == "\0"
        let index = isWide ? column - 2 : column - 1
        let joined = String(rows[row].cells[index]) + String(mark)
        guard joined.count == 1, joined.unicodeScalars.count <= 8 else { return }
        rows[row].cells[index] = Character(joined)
    }

    private mutating func wrap() {
        lineFeed()
        column = 0
    }

    private mutating func pad(to count: Int) {
        let missing = count - rows[row].cells.count
        if missing > 0 { rows[row].cells += Array(repeating: " ", count: missing) }
    }

    private mutating func put(_ cell: Character, at index: Int) {
        if index < rows[row].cells.count {
            rows[row].cells[index] = cell
        } else {
            rows[row].cells.append(cell)
        }
    }

    // MARK: - Controls

    private mutating func control(_ byte: UInt8) {
        switch byte {
        case 0x08: column = max(0, min(column, columns) - 1)
        case 0x09: column = min(columns - 1, (column / 8 + 1) * 8)
        case 0x0A, 0x0B, 0x0C:
            capture()
            lineFeed()
            if isPlain { column = 0 }
        case 0x0D:
            // What follows may be written over it.
            leave(row)
            column = 0
        default: return
        }
    }

    private mutating func lineFeed() {
        leave(row)
        if row + 1 == region.upperBound {
            scrollUp(1)
            scrolled += 1
        } else {
            row = min(row + 1, rows.count - 1)
        }
    }

    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "7"): savedPlace = (row, column)
        case UInt8(ascii: "8"): move(to: savedPlace.row, savedPlace.column)
        case UInt8(ascii: "D"): lineFeed()
        case UInt8(ascii: "E"):
            lineFeed()
            column = 0
        case UInt8(ascii: "M"):
            leave(row)
            if row == region.lowerBound { scrollDown(1) } else { row = max(0, row - 1) }
        case UInt8(ascii: "c"):
            leaveAll()
            rows = rows.map { _ in Row() }
            region = 0..<rows.count
            (row, column) = (0, 0)
        default: return
        }
    }

    private mutating func sequence(_ final: UInt8, _ numbers: [Int], _ prefix: UInt8?) {
        guard prefix == nil else { return mode(final, numbers, prefix) }
        let first = numbers.first ?? 0
        let count = max(1, first)
        switch final {
        case UInt8(ascii: "A"): move(to: row - count, column)
        case UInt8(ascii: "B"), UInt8(ascii: "e"): move(to: row + count, column)
        case UInt8(ascii: "C"), UInt8(ascii: "a"): move(to: row, column + count)
        case UInt8(ascii: "D"): move(to: row, min(column, columns - 1) - count)
        case UInt8(ascii: "E"): move(to: row + count, 0)
        case UInt8(ascii: "F"): move(to: row - count, 0)
        case UInt8(ascii: "G"), UInt8(ascii: "`"): move(to: row, count - 1)
        case UInt8(ascii: "H"), UInt8(ascii: "f"):
            move(to: count - 1, max(1, numbers.dropFirst().first ?? 1) - 1)
        case UInt8(ascii: "d"): move(to: count - 1, column)
        case UInt8(ascii: "s"): savedPlace = (row, column)
        case UInt8(ascii: "u"): move(to: savedPlace.row, savedPlace.column)
        case UInt8(ascii: "r"): setRegion(numbers)
        default: edit(final, first, count)
        }
    }

    private mutating func edit(_ final: UInt8, _ first: Int, _ count: Int) {
        switch final {
        case UInt8(ascii: "J"): eraseScreen(first)
        case UInt8(ascii: "K"): eraseLine(first)
        case UInt8(ascii: "X"): blank(column..<min(columns, column + count))
        case UInt8(ascii: "P"):
            let end = min(rows[row].cells.count, column + count)
            if column < end { rows[row].cells.removeSubrange(column..<end) }
        case UInt8(ascii: "@"):
            guard column < rows[row].cells.count else { return }
            let blanks = Array(repeating: Character(" "), count: min(count, columns - column))
            rows[row].cells.insert(contentsOf: blanks, at: column)
            rows[row].cells = Array(rows[row].cells.prefix(columns))
        case UInt8(ascii: "L"): inRegion { $0.scrollDown(count, from: $0.row) }
        case UInt8(ascii: "M"): inRegion { $0.scrollUp(count, from: $0.row) }
        case UInt8(ascii: "S"): scrollUp(count)
        case UInt8(ascii: "T"): scrollDown(count)
        default: return
        }
    }

    private mutating func mode(_ final: UInt8, _ numbers: [Int], _ prefix: UInt8?) {
        guard prefix == UInt8(ascii: "?"), numbers.contains(where: [47, 1047, 1049].contains) else {
            return
        }
        if final == UInt8(ascii: "h"), otherRows == nil {
            leaveAll()
            otherRows = rows
            rows = rows.map { _ in Row() }
            savedPlace = (row, column)
        } else if final == UInt8(ascii: "l"), let other = otherRows {
            leaveAll()
            rows = other
            otherRows = nil
            move(to: savedPlace.row, savedPlace.column)
        }
        region = 0..<rows.count
    }

    // MARK: - Moving, erasing, scrolling

    private mutating func move(to newRow: Int, _ newColumn: Int) {
        let target = min(max(0, newRow), rows.count - 1)
        if target != row { leave(row) }
        row = target
        column = min(max(0, newColumn), columns - 1)
    }

    private mutating func setRegion(_ numbers: [Int]) {
        let top = max(1, numbers.first ?? 1) - 1
        let given = numbers.dropFirst().first ?? 0
        let bottom = given == 0 ? rows.count : min(given, rows.count)
        guard top + 1 < bottom else { return }
        region = top..<bottom
        move(to: 0, 0)
    }

    private mutating func blank(_ range: Range<Int>) {
        let end = min(range.upperBound, rows[row].cells.count)
        guard range.lowerBound < end else { return }
        for index in range.lowerBound..<end { rows[row].cells[index] = " " }
    }

    private mutating func eraseLine(_ kind: Int) {
        leave(row)
        switch kind {
        case 0:
            let surplus = rows[row].cells.count - column
            if surplus > 0 { rows[row].cells.removeLast(surplus) }
        case 1: blank(0..<column + 1)
        case 2: rows[row].cells = []
        default: return
        }
    }

    private mutating func eraseScreen(_ kind: Int) {
        switch kind {
        case 0:
            eraseLine(0)
            clear(row + 1..<max(row + 1, rows.count))
        case 1:
            eraseLine(1)
            clear(0..<row)
        default: clear(0..<rows.count)
        }
    }

    private mutating func clear(_ range: Range<Int>) {
        for index in range {
            leave(index)
            rows[index] = Row()
        }
    }

    private mutating func inRegion(_ body: (inout Self) -> Void) {
        guard region.contains(row) else { return }
        body(&self)
        column = 0
    }

    private mutating func scrollUp(_ count: Int, from top: Int? = nil) {
        let range = (top ?? region.lowerBound)..<region.upperBound
        for _ in 0..<min(count, range.count) {
            leave(range.lowerBound)
            rows.remove(at: range.lowerBound)
            rows.insert(Row(), at: range.upperBound - 1)
        }
    }

    private mutating func scrollDown(_ count: Int, from top: Int? = nil) {
        let range = (top ?? region.lowerBound)..<region.upperBound
        for _ in 0..<min(count, range.count) {
            leave(range.upperBound - 1)
            rows.remove(at: range.upperBound - 1)
            rows.insert(Row(), at: range.lowerBound)
        }
    }

    // MARK: - Lines

    private mutating func leave(_ index: Int) {
        guard rows[index].isDirty else { return }
        rows[index].isDirty = false
        let text = String(rows[index].cells).trimmingBlanks
        guard !text.isEmpty, text != rows[index].shown else { return }
        rows[index].shown = text
        lines.append(Line(text: text, time: rows[index].time))
    }

    private mutating func leaveAll() { for index in rows.indices { leave(index) } }
}

extension String {
    /// Without blanks around it, and without the second halves of wide characters.
    fileprivate var trimmingBlanks: String {
        let scalars = unicodeScalars.filter { $0 != "\0" }
        guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
            let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
        else { return "" }
        return String(String.UnicodeScalarView(scalars[first...last]))
    }
}

extension Unicode.Scalar {
    /// Takes two columns: the blocks of East Asian wide characters and emoji (UAX #11).
    fileprivate var isWide: Bool {
        switch value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3,
            0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6,
            0x1F300...0x1F64F, 0x1F900...0x1F9FF, 0x20000...0x3FFFD:
            true
        default: false
        }
    }
}

extension Unicode.Scalar.Properties {
    /// Takes no column of its own.
    fileprivate var isCombining: Bool {
        switch generalCategory {
        case .nonspacingMark, .enclosingMark, .format: true
        default: false
        }
    }
}
