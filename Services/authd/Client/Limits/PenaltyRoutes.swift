import HTTPTypes
package import Hummingbird
package import SharedConfig
package import SharedHTTP
import SharedMessages

/// Where penalties are looked at and forgiven.
package protocol PenaltyDesk: Sendable {
    func penalties() -> [PenaltyRecord]

    /// Forgives the source that holds `network`; whether it had a penalty.
    func clearPenalty(of network: IPNetwork) -> Bool

    func clearPenalties()
}

/// `GET` and `DELETE /v1/penalties`, `DELETE /v1/penalties/{source}`: for administration listeners
/// only.
package struct PenaltyRoutes: Sendable {
    private let desk: any PenaltyDesk

    package init(_ desk: any PenaltyDesk) { self.desk = desk }

    package func add(to router: Router<HTTPContext>) {
        router.get(RouterPath(LimitsRoutes.penalties)) { _, _ in
            try Response.json(desk.penalties())
        }
        router.delete(RouterPath(LimitsRoutes.penalties)) { _, _ in
            desk.clearPenalties()
            return Response(status: .noContent)
        }
        router.delete("\(LimitsRoutes.penalties)/:source") { _, context in
            let text = LimitsRoutes.source(ofPath: try context.parameters.require("source"))
            guard let network = IPNetwork(text) else {
                throw HTTPRefusal(.unprocessableContent, .limitsSourceInvalid)
            }
            guard desk.clearPenalty(of: network) else {
                throw HTTPRefusal(.notFound, .limitsPenaltyUnknown)
            }
            return Response(status: .noContent)
        }
    }
}
