import Testing

@testable import AuditClient

@Suite struct PartTests {
    private let id = RecordingID(high: 1, low: 2)

    @Test("a part's name has one spelling and is never a recording's")
    func names() {
        let part = id.part(2, from: 4096)
        #expect("\(part)" == "\(id).2-4096")
        #expect(RecordingID("\(part)") == part)
        #expect(part.whole == id && !part.isWhole && part != id)
        for text in [
            ".", ".1", ".1-", ".0-0", ".01-5", ".1-+5", ".-1-5", ".1-5-6", ".1-5.", ".x-1",
        ] {
            #expect(RecordingID("\(id)\(text)") == nil, "\(text)")
        }
        #expect(RecordingID("\(id).part") == nil)
        let last = id.part(.max, from: .max)
        #expect(RecordingID("\(last)") == last)
    }

    @Test("parts are joined in their order, whatever overlaps")
    func chain() {
        let (second, third) = (id.part(1, from: 80), id.part(2, from: 150))
        let chain = PartChain([(third, 50), (id, 100), (second, 70), (id.part(3, from: 90), 5)])
        #expect(chain.size == 200)
        #expect(chain.pieces.map(\.part) == [id, second, third])
        #expect(chain.place(of: 0)?.part == id)
        #expect(chain.place(of: 99)?.rest == 1)
        let place = chain.place(of: 100)
        #expect(place?.part == second && place?.offset == 20 && place?.rest == 50)
        #expect(chain.place(of: 199)?.offset == 49)
        #expect(chain.place(of: 200) == nil)
    }

    @Test("what comes behind a gap does not count, and no number traps")
    func gaps() {
        #expect(PartChain([(id, 10), (id.part(1, from: 11), 5)]).size == 10)
        #expect(PartChain([(id.part(1, from: 5), 5)]).size == 0)
        #expect(PartChain([]).size == 0)
        #expect(PartChain([(id, 10), (id.part(1, from: .max), .max)]).size == 10)
        #expect(PartChain([(id, 0), (id.part(1, from: 0), 7)]).size == 7)
    }
}
