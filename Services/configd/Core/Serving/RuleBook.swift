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
        var commits: [String]
    }

    /// Rules that are in force, for the log.
    package struct Edition: Sendable, Hashable {
        package let rules: Int
        /// Of the Git working trees they are in.
        package let commits: [String]

        var labels: Logger.Metadata {
            var labels: Logger.Metadata = ["rules": .stringConvertible(rules)]
            if !commits.isEmpty { labels["commit"] = .string(commits.joined(separator: " ")) }
            return labels
        }
    }

    /// What came of looking for changes.
    package enum Outcome: Sendable {
        case unchanged
        case replaced(Edition)
        case rejected(ConfigProblems)
    }

    private let state: Mutex<State>

    /// Reads the rules; blocks. Throws everything that is wrong with them.
    package init(paths: [String]) throws(ConfigProblems) {
        let source = RuleSource(paths: paths)
        // Taken before reading, so that a change meanwhile is seen the next time.
        let stamps = source.stamps()
        let rules = try source.load()
        state = Mutex(
            State(source: source, stamps: stamps, rules: rules, commits: source.commits)
        )
    }

    /// Reads the rules on a thread that may block, and says in the log how many there are.
    ///
    /// Throws `ConfigProblems` with everything that is wrong with them.
    package static func open(paths: [String], logger: Logger) async throws -> RuleBook {
        let book = try await NIOThreadPool.singleton.runIfActive { try RuleBook(paths: paths) }
        logger.emit(.configdRulesLoaded, book.edition.labels)
        return book
    }

    package var rules: RuleSet { state.withLock { $0.rules } }

    package var edition: Edition {
        state.withLock { Edition(rules: $0.rules.count, commits: $0.commits) }
    }

    /// Reads the rules again if a file has changed, or in any case when `paths` are given; blocks.
    ///
    /// While Git changes the files only the latter is done: half a change is none.
    package func refresh(paths: [String]? = nil) -> Outcome {
        let (source, before) = state.withLock { state in
            (paths.map(RuleSource.init) ?? state.source, state.stamps)
        }
        let stamps = source.stamps()
        guard paths != nil || stamps != before && !source.isChanging else { return .unchanged }
        do throws(ConfigProblems) {
            let rules = try source.load()
            let commits = source.commits
            state.withLock {
                $0 = State(source: source, stamps: stamps, rules: rules, commits: commits)
            }
            return .replaced(Edition(rules: rules.count, commits: commits))
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
