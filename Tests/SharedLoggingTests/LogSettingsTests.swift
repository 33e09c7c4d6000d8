import Glibc
import SharedConfig
import SharedLogging
import SharedMessages
import Testing

@Suite("LogSettings")
struct LogSettingsTests {
    @Test("the defaults of the section log are notice, ljson, standard output")
    func defaults() {
        #expect(LogSettings(LogConfig()) == LogSettings())
        #expect(LogSettings().destination == .standardOutput)
    }

    @Test("every key of the section log is carried over")
    func everyKey() {
        var config = LogConfig()
        config.level = .debug
        config.format = .text
        config.destination = .syslog
        config.syslog.destination = "127.0.0.1:514"
        config.syslog.facility = .local3
        config.syslog.tag = "t"
        config.syslog.pid = true
        let syslog = SyslogSettings(
            destination: "127.0.0.1:514",
            facility: .local3,
            tag: "t",
            processID: getpid()
        )
        #expect(
            LogSettings(config)
                == LogSettings(level: .debug, format: .text, destination: .syslog(syslog))
        )
    }

    @Test("destination file uses the key file")
    func file() {
        var config = LogConfig()
        config.destination = .file
        config.file = "/x/y"
        #expect(LogSettings(config).destination == .file("/x/y"))
    }
}
