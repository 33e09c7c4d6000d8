extension MessageCode {
    /// Every code of the project, area by area.
    ///
    /// A new area is a file of its own (`<Area>Codes.swift`) whose list is joined here.
    package static let all: [MessageCode] = [
        logCodes
    ].flatMap { $0 }

    /// The code whose identifier is `id`, in exactly this spelling; `nil` if there is none.
    package static func named(_ id: String) -> MessageCode? { byID[id] }

    private static let byID: [String: MessageCode] = Dictionary(
        all.map { ($0.id, $0) },
        uniquingKeysWith: { first, _ in first }
    )
}
