import NIOCore
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

    @Test("parts that are read one after the other are joined without knowing their lengths")
    func join() {
        let whole = Array(0..<200 as Range<UInt8>)
        func joined(_ parts: [(RecordingID, Range<Int>)], piece: Int) -> [UInt8] {
            var join = PartJoin()
            var bytes: [UInt8] = []
            let spans = Dictionary(uniqueKeysWithValues: parts)
            for part in PartJoin.ordered(spans.keys) {
                guard join.begin(part), let span = spans[part] else { break }
                for start in stride(from: span.lowerBound, to: span.upperBound, by: piece) {
                    let end = min(start + piece, span.upperBound)
                    bytes += join.take(ByteBuffer(bytes: whole[start..<end])).readableBytesView
                }
            }
            return bytes
        }
        for piece in [1, 7, 200] {
            let three = [
                (id.part(2, from: 150), 150..<200), (id, 0..<100), (id.part(1, from: 80), 80..<150),
            ]
            #expect(joined(three, piece: piece) == whole)
            // The second is within the first.
            let inner = [(id, 0..<100), (id.part(1, from: 20), 20..<30)]
            #expect(joined(inner, piece: piece) == Array(whole[..<100]))
            let gap = [(id, 0..<100), (id.part(1, from: 101), 101..<200)]
            #expect(joined(gap, piece: piece) == Array(whole[..<100]))
        }
        var join = PartJoin()
        let hasBegun = join.begin(id.part(1, from: .max))
        #expect(!hasBegun)
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
