import Foundation
import SharedConfig

/// The files that rules come from.
struct RuleSource: Sendable {
    /// Files, or directories whose `*.yaml`, `*.yml` and `*.json` are taken in order of name.
    let paths: [String]

    /// What tells whether a file has changed.
    struct Stamp: Hashable {
        let path: String
        var inode: UInt64 = 0
        var size: UInt64 = 0
        var modified = Date.distantPast
    }

    /// Reads every file; blocks. Throws everything that is wrong with all of them together.
    func load() throws(ConfigProblems) -> RuleSet {
        var problems: [ConfigProblem] = []
        var read: [RuleSetFile] = []
        var (bytes, rules) = (0, 0)
        for path in files(problems: &problems) {
            do throws(ConfigProblems) {
                let content = try ConfigLoader.read(path)
                bytes += content.count
                // The first file too many is the last one that is looked at.
                guard bytes <= RuleLimits.bytes else {
                    let rule = "brings the files of rules above \(RuleLimits.bytes) bytes"
                    problems.append(ConfigProblem("", rule, origin: path))
                    break
                }
                let parsed = try ConfigFile(path: path, bytes: content).parse()
                let file = try RuleFile.read(parsed)
                rules += file.rules.count
                read.append(RuleSetFile(name: path, file, origins: parsed.origins))
            } catch {
                problems += error.list.map { Self.named($0, path) }
            }
        }
        if rules > RuleLimits.rules {
            problems.append(
                ConfigProblem("rules", value: "\(rules)", "must be at most \(RuleLimits.rules)")
            )
        }
        guard problems.isEmpty else { throw ConfigProblems(problems) }
        return RuleSet(read)
    }

    /// Whether Git is just changing what is there; blocks.
    var isChanging: Bool { paths.contains { GitTree(containing: $0)?.isBusy == true } }

    /// The commits of the working trees that the rules are in, without repetition; blocks.
    var commits: [String] {
        paths.compactMap { GitTree(containing: $0)?.commit }.reduce(into: []) { list, commit in
            if !list.contains(commit) { list.append(commit) }
        }
    }

    /// Blocks. Files that are gone are part of it, so that their return is seen.
    func stamps() -> [Stamp] {
        var ignored: [ConfigProblem] = []
        return (paths + files(problems: &ignored)).map(Self.stamp)
    }

    private func files(problems: inout [ConfigProblem]) -> [String] {
        var files: [String] = []
        for path in paths {
            var isDirectory: ObjCBool = false
            let exists = unsafe FileManager.default.fileExists(
                atPath: path,
                isDirectory: &isDirectory
            )
            guard exists else {
                problems.append(ConfigProblem("configd.rules", "names what is not there: \(path)"))
                continue
            }
            guard isDirectory.boolValue else {
                files.append(path)
                continue
            }
            do {
                let names = try FileManager.default.contentsOfDirectory(atPath: path)
                files += names.filter(Self.isRules).sorted().map { "\(path)/\($0)" }
            } catch {
                problems.append(ConfigProblem("configd.rules", "cannot be listed: \(path)"))
            }
        }
        guard files.count <= RuleLimits.files else {
            let rule = "must name at most \(RuleLimits.files) files"
            problems.append(ConfigProblem("configd.rules", value: "\(files.count)", rule))
            return []
        }
        return files
    }

    /// Hidden names are left out: editors and mounted volumes keep older versions there.
    private static func isRules(_ name: String) -> Bool {
        !name.hasPrefix(".") && [".yaml", ".yml", ".json"].contains(where: name.hasSuffix)
    }

    private static func stamp(_ path: String) -> Stamp {
        var stamp = Stamp(path: path)
        // Following links, so that the swap of a mounted volume's link is seen.
        let real = URL(filePath: path).resolvingSymlinksInPath().path(percentEncoded: false)
        guard let facts = try? FileManager.default.attributesOfItem(atPath: real) else {
            return stamp  // a file that is gone has the empty stamp
        }
        stamp.inode = (facts[.systemFileNumber] as? NSNumber)?.uint64Value ?? 0
        stamp.size = (facts[.size] as? NSNumber)?.uint64Value ?? 0
        stamp.modified = facts[.modificationDate] as? Date ?? .distantPast
        return stamp
    }

    private static func named(_ problem: ConfigProblem, _ path: String) -> ConfigProblem {
        var problem = problem
        let line = problem.origin?.replacing("line ", with: "")
        problem.origin = [path, line].compactMap(\.self).joined(separator: ":")
        return problem
    }
}
