import Testing

@testable import SharedConfig

@Suite("Patterns of allow and deny lists")
struct TextPatternTests {
    @Test(
        "describe the whole text",
        arguments: [
            ("ls", "ls", true), ("ls", "ls -l", false), ("ls", "LS", false), ("l*", "ls", false),
            ("glob:LC_*", "LC_ALL", true), ("glob:LC_*", "XLC_ALL", false),
            ("glob:a?c", "abc", true), ("glob:a?c", "ac", false), ("glob:*", "", true),
            (#"glob:a\*"#, "a*", true), (#"glob:a\*"#, "ab", false), ("glob:a.c", "abc", false),
            ("regex:a|b", "a", true), ("regex:a|b", "ab", false), ("regex:", "", true),
            ("regex:ab*c", "ac", true), ("regex:ab*c", "abbbc", true), ("regex:ab+c", "ac", false),
            ("regex:ab?c", "abbc", false), ("regex:(ab)+", "ababab", true),
            ("regex:(?:ab)+", "aba", false), ("regex:a{3}", "aaa", true),
            ("regex:a{3}", "aaaa", false), ("regex:a{2,}", "aaaaa", true),
            ("regex:a{2,3}", "a", false), ("regex:a{2,3}", "aaa", true),
            ("regex:[a-c]+", "abcabc", true), ("regex:[^a-c]+", "abd", false),
            ("regex:[]x]+", "]x", true), ("regex:[a-]+", "a-a", true),
            (#"regex:[\d.]+"#, "1.5", true),
            (#"regex:[\]-]+"#, "]-", true), (#"regex:\d+\.\d"#, "12.5", true),
            (#"regex:\d+\.\d"#, "12x5", false), (#"regex:\w\W\s\S\D"#, "a- ab", true),
            ("regex:.", "é", false), ("regex:..", "é", true), ("regex:é", "é", true),
            ("regex:()", "", true), ("regex:(a*)*b", "aab", true), ("regex:(|a)b", "b", true),
            (#"regex:git-(receive|upload)-pack '[a-z/]+'"#, "git-upload-pack 'team/x'", true),
            (
                #"regex:git-(receive|upload)-pack '[a-z/]+'"#, "git-upload-pack 'x'; id 'y'",
                false
            ),
            ("regex:ls", "ls\nid", false), ("glob:ls", "ls\n", false),
        ]
    )
    func whole(_ pattern: String, _ text: String, _ matches: Bool) throws {
        #expect(try TextPattern(pattern).matches(text) == matches)
    }

    @Test(
        "that cannot be understood are refused",
        arguments: [
            "regex:(", "regex:)", "regex:[", "regex:[b-a]", "regex:*", "regex:a**b|+", "regex:a{",
            "regex:a{2", "regex:a{3,2}", "regex:a{256}", "regex:a{99999}", #"regex:\1"#,
            #"regex:\b"#, #"regex:\"#, "regex:(?=a)", "regex:^a", "regex:a$", "regex:[é]",
            #"glob:a\"#, "regex:(a{255}){255}", "regex:((((){255}){255}){255}){255}",
            "regex:" + String(repeating: "(", count: 100_000),
        ]
    )
    func refused(_ pattern: String) {
        #expect(throws: PatternError.self) { try TextPattern(pattern) }
    }

    @Test("take time in proportion to the text, also where a backtracking search would not end")
    func linear() throws {
        let pattern = try TextPattern("regex:(a|a|a?)*(a*)*(a+)+b")
        let text = String(repeating: "a", count: TextPattern.longestText)
        let time = ContinuousClock().measure { #expect(!pattern.matches(text)) }
        #expect(time < .seconds(5))
    }

    @Test("of a list deny a text that is too long to be held against them, and never allow it")
    func tooLong() {
        let list = TextPatternList(["regex:.*"])
        let text = String(repeating: "a", count: TextPattern.longestText + 1)
        #expect(!list.allows(text.utf8))
        #expect(list.denies(text.utf8))
    }

    @Test("of a list that nobody understands deny everything")
    func broken() {
        #expect(TextPatternList(["regex:("]).denies("x".utf8))
        #expect(!TextPatternList(["regex:("]).allows("x".utf8))
        #expect(!TextPatternList([]).denies("x".utf8))
    }

    @Test("in a file are checked with their place")
    func inFile() throws {
        var config = SecurityConfig()
        config.command.allow = ["ls", "regex:("]
        config.env.deny = ["glob:LD_*"]
        let problems = RuleChecker.problems(of: config, at: "security")
        #expect(problems.map(\.path) == ["security.command.allow[1]"])
    }
}
