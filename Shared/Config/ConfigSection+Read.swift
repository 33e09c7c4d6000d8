extension ConfigSection {
    /// Reads a file that holds one section and nothing else, and checks its rules.
    ///
    /// Throws everything that is wrong with it, each with its line.
    package static func read(_ file: ConfigFile) throws(ConfigProblems) -> Self {
        try read(file.parse())
    }

    /// The same of a file that has been taken apart.
    package static func read(_ parsed: ParsedTree) throws(ConfigProblems) -> Self {
        var section = Self()
        var problems = ConfigReader.read(parsed.tree, into: &section, at: "")
        let misread = Set(problems.map(\.path))
        problems += RuleChecker.problems(of: section, at: "").filter { !misread.contains($0.path) }
        guard problems.isEmpty else {
            throw ConfigProblems(
                problems.map { problem in
                    var problem = problem
                    problem.origin = problem.origin ?? parsed.origin(of: problem.path)
                    return problem
                }
            )
        }
        return section
    }
}
