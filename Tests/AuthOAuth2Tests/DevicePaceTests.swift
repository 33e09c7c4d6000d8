import Testing

@testable import AuthOAuth2

@Suite("How often the provider is asked")
struct DevicePaceTests {
    @Test("as it says, at least a second apart and at most a minute")
    func interval() {
        for (said, seconds) in [(5, 5), (0, 1), (-3, 1), (1_000_000, 60)] {
            var pace = DevicePace(interval: said)
            #expect(pace.pause(after: .pending) == .seconds(seconds))
        }
    }

    @Test("five seconds more from every wish on, or what the wish says")
    func slowDown() {
        var pace = DevicePace(interval: 5)
        #expect(pace.pause(after: .slowDown(nil)) == .seconds(10))
        #expect(pace.pause(after: .pending) == .seconds(10))
        #expect(pace.pause(after: .slowDown(40)) == .seconds(40))
        #expect(pace.pause(after: .slowDown(1)) == .seconds(45))
        #expect(pace.pause(after: .slowDown(.max)) == .seconds(60))
    }

    @Test("twice as long after every failure, until there is an answer")
    func failures() {
        var pace = DevicePace(interval: 4)
        let pauses = (0..<5).map { _ in pace.pause(after: .unreachable) }
        #expect(pauses == [8, 16, 32, 32, 32].map { .seconds($0) })
        #expect(pace.pause(after: .pending) == .seconds(4))
    }
}
