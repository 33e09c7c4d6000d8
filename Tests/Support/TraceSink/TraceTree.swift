/// The spans of one trace, and whether they are a tree.
package struct TraceTree: Sendable {
    package let spans: [SunkSpan]
    private let byID: [String: SunkSpan]

    /// The spans of `trace` among all.
    package init(_ trace: String, of spans: [SunkSpan]) {
        self.spans = spans.filter { $0.trace == trace }
        byID = Dictionary(self.spans.map { ($0.id, $0) }) { first, _ in first }
    }

    package var roots: [SunkSpan] { spans.filter { $0.parent == nil } }

    /// Spans whose parent did not arrive.
    package var orphans: [SunkSpan] {
        spans.filter { $0.parent.map { byID[$0] == nil } ?? false }
    }

    /// Whether there is one root, every other span has its parent, and no name is there twice.
    package var isConnected: Bool {
        roots.count == 1 && orphans.isEmpty && byID.count == spans.count
    }

    package var services: Set<String> { Set(spans.map(\.service)) }

    /// The first span of that name, and of that service if it is given.
    package func span(_ name: String, of service: String? = nil) -> SunkSpan? {
        spans.first { $0.name == name && (service == nil || $0.service == service) }
    }

    /// The names from the root down to a span.
    package func path(to span: SunkSpan) -> [String] {
        var names = [span.name]
        var place = span
        while let parent = place.parent.flatMap({ byID[$0] }), names.count < 64 {
            names.insert(parent.name, at: 0)
            place = parent
        }
        return names
    }
}
