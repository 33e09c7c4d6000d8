/// How many containers wait, started, for people who have not come yet.
package struct PoolConfig: ConfigSection {
    /// Containers that wait for one effective configuration, whatever the demand; kept from the
    /// start only for that of the static file, from the first login on for any other.
    package var minimum = 0
    /// At most so many wait for one effective configuration; 0: no pool.
    package var maximum = 0
    /// At most so many wait in the whole gateway.
    package var total = 32
    /// Bytes that all waiting containers may be allowed together; 0: no limit.
    package var memory = 0
    /// A configuration that nobody has used for this time keeps no more than `minimum`.
    package var idle: Duration = .seconds(600)
    /// A container that has waited so long is replaced.
    package var maximumAge: Duration = .seconds(3600)
    /// Containers that are started at the same time.
    package var fillers = 2

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("minimum", &minimum)
        visitor.field("maximum", &maximum)
        visitor.field("total", &total)
        visitor.field("memory", &memory)
        visitor.field("idle", &idle)
        visitor.field("maximumAge", &maximumAge)
        visitor.field("fillers", &fillers)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check((0...10_000).contains(maximum), "maximum", "\(maximum)", "must be 0 to 10000")
        list.check(
            (0...maximum).contains(minimum),
            "minimum",
            "\(minimum)",
            "must be 0 to maximum"
        )
        list.check((1...10_000).contains(total), "total", "\(total)", "must be 1 to 10000")
        list.check(memory >= 0, "memory", "\(memory)", "must not be negative")
        list.check((1...64).contains(fillers), "fillers", "\(fillers)", "must be 1 to 64")
        list.check("idle", idle, atLeast: .seconds(1))
        list.check("maximumAge", maximumAge, atLeast: .seconds(10))
        return list.problems
    }
}
