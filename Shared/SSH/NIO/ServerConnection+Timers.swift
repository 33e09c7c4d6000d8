import NIOCore

/// Login grace, keepalives, new keys by time.
extension ServerConnection {
    struct Timers {
        var login: Scheduled<Void>?
        var alive: Scheduled<Void>?
        var rekey: Scheduled<Void>?
        /// Runs while keys are exchanged anew.
        var exchange: Scheduled<Void>?
        var heardFromClient = false
        /// Keepalives in a row after which nothing was heard.
        var misses = 0

        func cancel() {
            login?.cancel()
            alive?.cancel()
            rekey?.cancel()
            exchange?.cancel()
        }
    }

    func startLoginTimer() {
        timers.login = schedule(in: settings.loginGraceTime) {
            $0.refuseLate()
        }
    }

    private func refuseLate() {
        guard ending == nil else { return }
        let text = settings.loginGraceText
        io.close(saying: ServerRefusal(reason: .byApplication, text: text))
        end(.graceExceeded)
    }

    func startServiceTimers() {
        timers.login?.cancel()
        timers.login = nil
        scheduleAliveCheck()
        scheduleRekey()
        // A client may exchange keys anew while it logs in.
        exchangeChanged(io.transport.isExchangingKeys)
    }

    /// A client that begins to exchange keys and does not go on, or does not answer, would hold
    /// back all that is sent to it. Until the login is done its own limit covers this.
    func exchangeChanged(_ isExchanging: Bool) {
        timers.exchange?.cancel()
        timers.exchange = nil
        guard isExchanging, case .service = phase, ending == nil else { return }
        timers.exchange = schedule(in: settings.rekeyTimeout) {
            $0.refuse(.keyExchangeFailed, "The exchange of new keys took too long.")
        }
    }

    /// Whether an exchange of new keys is being timed.
    var isTimingExchange: Bool { timers.exchange != nil }

    func schedule(
        in time: Duration,
        _ body: @escaping @Sendable (isolated ServerConnection) -> Void
    ) -> Scheduled<Void> {
        eventLoop.scheduleTask(in: TimeAmount(time)) { [weak self] in
            self?.assumeIsolated { body($0) }
        }
    }

    private func scheduleAliveCheck() {
        guard let interval = settings.clientAliveInterval else { return }
        timers.alive = schedule(in: interval) { $0.checkAlive() }
    }

    /// Any byte of the client is a sign of life, as with OpenSSH.
    private func checkAlive() {
        guard ending == nil else { return }
        if timers.heardFromClient {
            timers.misses = 0
        } else if timers.misses >= settings.clientAliveCountMax {
            let text = "Timeout, your client is not responding."
            io.close(saying: ServerRefusal(reason: .connectionLost, text: text))
            return end(.silent)
        } else {
            timers.misses += 1
            sendKeepalive()
        }
        timers.heardFromClient = false
        scheduleAliveCheck()
    }

    private func sendKeepalive() {
        io.connection.sendGlobalRequest(
            GlobalRequest(type: "keepalive@openssh.com", payload: ByteBuffer(), wantsReply: true)
        )
        io.pump()
    }

    private func scheduleRekey() {
        guard let interval = settings.rekeyInterval else { return }
        timers.rekey = schedule(in: interval) {
            $0.io.requestRekey()
            $0.scheduleRekey()
        }
    }
}
