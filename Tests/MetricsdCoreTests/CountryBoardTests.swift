import Foundation
import GeoDatabase
import Hummingbird
import HummingbirdTesting
import InMemoryLogging
import Logging
import MetricsClient
import SharedHTTP
import SharedMessages
import Testing

@testable import MetricsdCore

@Suite("Countries of addresses")
struct CountryBoardTests {
    private let folder: URL
    private let log = InMemoryLogHandler()
    private var path: String { folder.appending(path: "country.mmdb").path }
    private var logger: Logger { Logger(label: "test") { _ in log } }

    init() throws {
        folder = FileManager.default.temporaryDirectory
            .appending(path: "berth-geo-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    private static func database(_ country: String = "HU") -> GeoDatabaseFile {
        var file = GeoDatabaseFile()
        file.add(192, 0, 2, bits: 24, country: country)
        file.add(198, 51, 100, bits: 25, country: "DE")
        file.add(
            [0x20, 0x01, 0x0d, 0xb8] + Array(repeating: 0, count: 12),
            bits: 32,
            country: "FR"
        )
        return file
    }

    @Test(
        "an address is in the country of the network around it",
        arguments: [
            ("192.0.2.1", "HU"), ("192.0.2.255", "HU"), ("198.51.100.127", "DE"),
            ("198.51.100.128", nil), ("192.0.3.0", nil), ("2001:db8::1", "FR"),
            ("2001:db9::1", nil), ("::ffff:192.0.2.7", nil), ("", nil), ("no address", nil),
        ]
    )
    func lookup(address: String, country: String?) throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try Self.database().write(to: path)
        #expect(try CountryBoard(path: path, logger: logger).country(of: address) == country)
    }

    @Test("a database that was replaced is used, a broken one is not, and is told of once")
    func reload() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try Self.database().write(to: path)
        let board = try CountryBoard(path: path, logger: logger)
        try Self.database("AT").write(to: path)
        board.reload()
        #expect(board.country(of: "192.0.2.1") == "AT")
        try Data("not a database".utf8).write(to: URL(filePath: path), options: .atomic)
        board.reload()
        board.reload()
        #expect(board.country(of: "192.0.2.1") == "AT")
        #expect(lines("GEOIP_UNUSABLE") == 1)
        try FileManager.default.removeItem(atPath: path)
        board.reload()
        #expect(board.country(of: "192.0.2.1") == "AT")
        #expect(lines("GEOIP_UNUSABLE") == 2)
        #expect(lines("GEOIP_LOADED") == 2)
    }

    @Test("no start without the database, and the fault has a code")
    func missing() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let error = #expect(throws: CodedError.self) {
            try CountryBoard(path: path, logger: logger)
        }
        #expect(error?.code == .geoIPUnusable)
    }

    @Test("a damaged database answers or says nothing, and never ends the process")
    func damaged() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let whole = Self.database().bytes
        for position in stride(from: 0, to: whole.count, by: 3) {
            var bytes = whole
            bytes[position] ^= 0xff
            try Data(bytes).write(to: URL(filePath: path), options: .atomic)
            guard let board = try? CountryBoard(path: path, logger: logger) else { continue }
            for address in ["192.0.2.1", "198.51.100.1", "2001:db8::1", "8.8.8.8"] {
                let country = board.country(of: address)
                #expect(country == nil || country?.count == 2)
            }
        }
        for count in stride(from: 0, to: whole.count, by: 7) {
            try Data(whole.prefix(count)).write(to: URL(filePath: path), options: .atomic)
            _ = try? CountryBoard(path: path, logger: logger).country(of: "192.0.2.1")
        }
    }

    @Test("metricsd answers for an address, with XX for the unknown, and refuses what is none")
    func route() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try Self.database().write(to: path)
        let router = MetricsdRouter.ingest(
            MetricsBoard(logger: logger),
            countries: try CountryBoard(path: path, logger: logger),
            health: HealthRegistry(),
            logger: logger
        )
        try await Application(router: router).test(.router) { client in
            for (address, expected) in [
                ("192.0.2.1", "HU"), ("2001:db8::1", "FR"), ("9.9.9.9", "XX"),
            ] {
                let reply = try await client.execute(
                    uri: "\(MetricsRoutes.country)?address=\(address)",
                    method: .get
                )
                #expect(reply.status == .ok)
                #expect(String(buffer: reply.body) == #"{"country":"\#(expected)"}"#)
            }
            for query in ["", "?address=", "?address=example.org", "?address=1.2.3.4%00"] {
                let reply = try await client.execute(
                    uri: MetricsRoutes.country + query,
                    method: .get
                )
                #expect(reply.status == .badRequest, "\(query)")
            }
        }
    }

    private func lines(_ code: String) -> Int {
        log.entries.count { $0.metadata["code"] == "\(code)" }
    }
}
