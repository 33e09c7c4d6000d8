import SharedDocker

/// The name of the container that a person keeps, where the configuration gives none.
enum LastingName {
    /// Different people get different names.
    static func of(_ person: String) -> String {
        "berth-user-" + ContainerName.encoded(person)
    }
}
