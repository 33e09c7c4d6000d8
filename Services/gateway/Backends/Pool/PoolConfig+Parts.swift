package import SharedConfig

extension PoolLimits {
    /// Of the static file: one pool serves all configurations of its backend.
    package init(_ config: PoolConfig) {
        self.init(total: config.total, memory: config.memory, fillers: config.fillers)
    }
}

extension PoolShare {
    /// Of an effective configuration.
    package init(_ config: PoolConfig, memoryEach: Int) {
        self.init(
            minimum: config.minimum,
            maximum: config.maximum,
            idle: config.idle,
            maximumAge: config.maximumAge,
            memoryEach: memoryEach
        )
    }
}
