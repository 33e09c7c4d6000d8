import NIOCore

/// Login grace, keepalives, new keys by time.
extension ServerConnection {
    struct Timers {
        var login: Scheduled<Void>?
        var alive: Scheduled<Void>?
        var rekey: Scheduled<Void>?
        var heardFromClient = false
        /// Keepalives in a row after which nothing was heard.
        var misses = 0

        func cancel() {
            login?.cancel()
            alive?.cancel()
            rekey?.cancel()
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
    }

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
