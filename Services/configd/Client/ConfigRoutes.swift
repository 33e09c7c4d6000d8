/// What configd answers.
package enum ConfigRoutes {
    /// `POST`, the config webhook itself.
    package static let config = "/config"
    /// Bytes of a question; files that an auth webhook attached are part of it.
    package static let requestLimit = 4 << 20
}
