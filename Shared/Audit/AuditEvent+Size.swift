import NIOCore

extension AuditEvent {
    /// About how many bytes the entry takes before compression, envelope included.
    package var approximateSize: Int {
        if case .io(_, let data) = self { return 128 + (data?.readableBytes ?? 0) }
        return 128 + (fields?.reduce(0) { $0 + $1.key.utf8.count + $1.value.approximateSize } ?? 0)
    }
}

extension AuditField {
    fileprivate var approximateSize: Int {
        switch self {
        case .text(let text): text.utf8.count
        case .number, .flag: 8
        case .bytes(let bytes): bytes?.count ?? 0
        case .data(let data): data?.readableBytes ?? 0
        case .list(let maps):
            maps?.joined().reduce(0) { $0 + $1.key.utf8.count + $1.value.approximateSize } ?? 0
        }
    }
}
