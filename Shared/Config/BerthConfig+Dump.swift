extension BerthConfig {
    /// The effective configuration as YAML that loads again; secrets as `***` unless shown.
    package func dump(showSecrets: Bool) throws -> String {
        try ConfigWriter.write(self, showSecrets: showSecrets).yaml()
    }
}
