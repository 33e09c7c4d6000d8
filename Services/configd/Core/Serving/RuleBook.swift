package import Logging
import NIOPosix
package import SharedConfig
import SharedLogging
import SharedMessages
import Synchronization

/// Keeps the rules in force, and replaces them only by ones that are right.
package final class RuleBook: Sendable {
    private struct State {
        var source: RuleSource
        var stamps: [RuleSource.Stamp]
        var rules: RuleSet
    }

    /// What came of looking for changes.
    package enum Outcome: Sendable {
        case unchanged
        case replaced(count: Int)
        case rejected(ConfigProblems)
    }

    private let state: Mutex<State>

    /// Reads the rules; blocks. Throws everything that is wrong with them.
    package init(paths: [String]) throws(ConfigProblems) {
        let source = RuleSource(paths: paths)
        // Taken before reading, so that a change meanwhile is seen the next time.
        let stamps = source.stamps()
        state = Mutex(State(source: source, stamps: stamps, rules: try source.load()))
    }

    /// Reads the rules on a thread that may block, and says in the log how many there are.
    ///
    /// Throws `ConfigProblems` with everything that is wrong with them.
    package static func open(paths: [String], logger: Logger) async throws -> RuleBook {
        let book = try await NIOThreadPool.singleton.runIfActive { try RuleBook(paths: paths) }
        logger.emit(.configdRulesLoaded, ["rules": .stringConvertible(book.rules.count)])
        return book
    }

    package var rules: RuleSet { state.withLock { $0.rules } }

    /// Reads the rules again if a file has changed, or in any case when `paths` are given; blocks.
    package func refresh(paths: [String]? = nil) -> Outcome {
        let (source, before) = state.withLock { state in
            (paths.map(RuleSource.init) ?? state.source, state.stamps)
        }
        let stamps = source.stamps()
        guard paths != nil || stamps != before else { return .unchanged }
        do throws(ConfigProblems) {
            let rules = try source.load()
            state.withLock { $0 = State(source: source, stamps: stamps, rules: rules) }
            return .replaced(count: rules.count)
        } catch {
            // The same broken files are not read and reported again.
            state.withLock { state in
                state.source = source
                state.stamps = stamps
            }
            return .rejected(error)
        }
    }
}
