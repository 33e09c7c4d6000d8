import HTTPTypes
package import Hummingbird
package import Logging
import MetricsClient
import NIOCore
import SharedConfig
package import SharedHTTP
import SharedMessages
package import SharedTracing

/// The routes of metricsd's two listeners.
package enum MetricsdRouter {
    /// What the other daemons call: `POST /report`, `GET /country`. Without `countries` every
    /// address is in country `XX`.
    package static func ingest(
        _ board: MetricsBoard,
        countries: CountryBoard? = nil,
        health: HealthRegistry,
        logger: Logger,
        tracer: Tracer? = nil
    ) -> Router<HTTPContext> {
        let router = HTTPService.makeRouter(health: health, logger: logger, tracer: tracer)
        router.post(RouterPath(MetricsRoutes.report)) { request, _ in
            let body = try await request.bytes(upTo: MetricsRoutes.longestReport)
            do {
                try board.receive(body)
            } catch let error as ReportRefusal {
                throw HTTPRefusal(status(of: error.code), error.code, error.problem)
            }
            return Response(status: .noContent)
        }
        router.get(RouterPath(MetricsRoutes.country)) { request, _ in
            let text = request.uri.queryParameters["address"].map(String.init) ?? ""
            guard IPAddress(text) != nil else {
                throw HTTPRefusal(.badRequest, .httpServerBadRequest, "address: must be an IP")
            }
            let country = countries?.country(of: text) ?? GatewayMetrics.unknownCountry
            return try Response.json(CountryAnswer(country: country))
        }
        return router
    }

    /// What a scraper reads: `path`, by any of the usual methods and whatever the query; and the
    /// health of all processes, among which those of the `expected` daemons have to be.
    package static func scrape(
        _ board: MetricsBoard,
        path: String,
        expected: [String] = [],
        health: HealthRegistry,
        logger: Logger
    ) -> Router<HTTPContext> {
        let router = HTTPService.makeRouter(health: health, logger: logger)
        addSuite(board, expected, to: router)
        for method in [HTTPRequest.Method.get, .head, .post, .delete] {
            router.on(RouterPath(path), method: method) { request, _ in
                let format = Exposition(accepting: request.headers[.accept])
                let text = method == .head ? "" : format.text(board.families())
                return Response(
                    status: .ok,
                    headers: [.contentType: format.contentType],
                    body: .init(byteBuffer: ByteBuffer(string: text))
                )
            }
        }
        return router
    }

    private static func addSuite(
        _ board: MetricsBoard,
        _ expected: [String],
        to router: Router<HTTPContext>
    ) {
        router.get(RouterPath(MetricsRoutes.suite)) { request, _ in
            let page = SuitePage(expected: expected, instances: board.instances())
            let wantsPage = request.headers[.accept]?.contains("text/html") == true
            let body = wantsPage ? Array(page.html.utf8) : try page.json()
            return Response(
                status: page.isWell ? .ok : .serviceUnavailable,
                headers: [
                    .contentType: wantsPage ? "text/html; charset=utf-8" : "application/json",
                    .cacheControl: "no-store",
                ],
                body: .init(byteBuffer: ByteBuffer(bytes: body))
            )
        }
    }

    private static func status(of code: MessageCode) -> HTTPResponse.Status {
        switch code {
        case .metricsdReportStale: .conflict
        case .metricsdFull: .serviceUnavailable
        default: .badRequest
        }
    }
}
