/// Codes of configd, which answers what a person gets.
extension MessageCode {
    package static let configdRulesLoaded = MessageCode(
        "CONFIGD_RULES_LOADED",
        .notice,
        explanation: "The rules were read and are in force from now on.",
        remedy: "Nothing."
    )

    package static let configdRulesRejected = MessageCode(
        "CONFIGD_RULES_REJECTED",
        .error,
        explanation: """
            The rules could not be read or are wrong; the ones before them stay in force.
            """,
        remedy: "Correct what the record lists; the rules are read again when a file changes."
    )

    package static let configdRequestInvalid = MessageCode(
        "CONFIGD_REQUEST_INVALID",
        .info,
        explanation: "A question to configd was not understood.",
        remedy: "Look at the caller: the body must be a JSON object of the config webhook."
    )

    package static let configdRuleFailed = MessageCode(
        "CONFIGD_RULE_FAILED",
        .error,
        explanation: """
            A rule fits a person but its configuration breaks a rule of the schema once the \
            variables are filled in, or needs metadata that the connection does not have.
            """,
        remedy: "Correct the rule that the record names, or require the metadata in its match."
    )

    static let configdCodes: [MessageCode] = [
        configdRulesLoaded, configdRulesRejected, configdRequestInvalid, configdRuleFailed,
    ]
}
