import CAgent

// MARK: - Programs

extension InitServer {
    private static let mostStrings = 4096
    func start(_ id: UInt32, _ body: inout BodyReader) throws(Violation) {
        try claim(id)
        let request = try StartRequest(&body)
        guard request.arguments.count <= Self.mostStrings,
            request.environment.count <= Self.mostStrings
        else { return fail(id, E2BIG) }
        guard hasRoom else { return fail(id, EMFILE) }
        var started = agent_program()
        let result = request.run(&started)
        guard result == 0 else { return fail(id, -result) }
        adopt(id, started, request)
    }

    private func adopt(_ id: UInt32, _ started: agent_program, _ request: StartRequest) {
        let input = Descriptor(started.input, poller)
        let terminal = request.terminal == nil ? nil : input
        let output = terminal ?? Descriptor(started.output, poller)
        let program = ProgramItem(pid: started.pid, terminal: terminal)
        programs[id] = program
        pids[started.pid] = id
        var frame = FrameWriter(FrameKind.started, id)
        frame.number(UInt32(truncatingIfNeeded: started.pid))
        link.send(frame)
        let done = { [self] in settle(id) }
        program.input = Sink(
            link,
            id,
            0,
            input,
            isSocket: false,
            tellsInput: request.tellsInput,
            window: window,
            whenDone: {}
        )
        program.output = Source(link, id, 1, output, window: window, whenEnded: done)
        if terminal == nil {
            let errors = Descriptor(started.errors, poller)
            program.errors = Source(link, id, 2, errors, window: window, whenEnded: done)
        }
    }

    func control(_ kind: UInt8, _ id: UInt32, _ body: inout BodyReader) throws(Violation) {
        switch kind {
        case FrameKind.signal:
            let name = try body.name()
            try body.requireEnd()
            let number = unsafe withCString(name) { unsafe agent_signal_number($0) }
            if number > 0 { programs[id]?.signal(number) }
        case FrameKind.resize:
            let size = TerminalSize(
                columns: try body.number(),
                rows: try body.number(),
                pixelWidth: try body.number(),
                pixelHeight: try body.number()
            )
            try body.requireEnd()
            if let terminal = programs[id]?.terminal { size.apply(to: terminal.number) }
        case FrameKind.kill:
            try body.requireEnd()
            programs[id]?.signal(SIGKILL)
            programs[id]?.discard()
        case FrameKind.breakSignal:
            _ = try body.number()
            try body.requireEnd()
            // A terminal that is gone needs no break.
            if let terminal = programs[id]?.terminal { _ = agent_break(terminal.number) }
        default: throw Violation(text: "a frame of an unknown kind")
        }
    }

    /// Ends what has nothing more to say.
    func settle(_ id: UInt32) {
        if let program = programs[id], program.isFinished {
            program.release()
            if !program.closeSent { sendClose(id) }
            program.closeSent = true
            if program.closeReceived { programs[id] = nil }
        }
        if let connection = connections[id], connection.isFinished {
            // What both directions are through with needs no answer to be forgotten.
            if !connection.closeSent { sendClose(id) }
            connection.closeSent = true
            if connection.closeReceived {
                forget(connection, id)
                resumeListeners()
            }
        }
    }
}

/// The body of START.
struct StartRequest {
    var replacesEnvironment: Bool
    var folder: [UInt8]
    var program: [UInt8]
    var arguments: [[UInt8]]
    var environment: [[UInt8]]
    var terminal: TerminalRequest?
    /// The gateway wants to know what the terminal does with its input.
    var tellsInput: Bool

    private static let terminalFlag: UInt8 = 1
    private static let replaceFlag: UInt8 = 2
    private static let inputFlag: UInt8 = 4

    init(_ body: inout BodyReader) throws(Violation) {
        let flags = try body.byte()
        guard flags < 8, flags & Self.inputFlag == 0 || flags & Self.terminalFlag != 0 else {
            throw Violation(text: "unknown flags of START")
        }
        replacesEnvironment = flags & Self.replaceFlag != 0
        tellsInput = flags & Self.inputFlag != 0
        folder = try body.name()
        program = try body.name()
        arguments = try body.names()
        environment = try body.names()
        if flags & Self.terminalFlag != 0 {
            let size = TerminalSize(
                columns: try body.number(),
                rows: try body.number(),
                pixelWidth: try body.number(),
                pixelHeight: try body.number()
            )
            terminal = TerminalRequest(size: size, modes: try body.string())
        }
        try body.requireEnd()
        useOwnProgram()
    }

    /// `@sftp-server` and `@scp` are this executable.
    private mutating func useOwnProgram() {
        guard program == bytes("@scp") || program == bytes("@sftp-server") else { return }
        let mode = Array(program.dropFirst())
        program = bytes("/proc/self/exe")
        arguments = [bytes("berth-agent"), mode] + arguments.dropFirst()
    }

    /// Starts it: 0 or -errno.
    func run(_ started: inout agent_program) -> Int32 {
        let variables = Environment(
            (replacesEnvironment ? [] : Environment.own()) + environment
        )
        let path = variables.value("PATH") ?? bytes("/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
        let modes = terminal?.modes ?? []
        return unsafe withCString(folder) { folderText in
            unsafe withCString(program) { programText in
                unsafe withCString(path) { pathText in
                    unsafe withCStrings(arguments) { argumentList in
                        unsafe withCStrings(variables.list) { environmentList in
                            unsafe modes.withUnsafeBufferPointer { modeBytes in
                                let size = terminal?.size ?? TerminalSize()
                                var start = unsafe agent_start(
                                    folder: folder.isEmpty ? nil : folderText,
                                    program: programText,
                                    search_path: pathText,
                                    arguments: argumentList,
                                    environment: environmentList,
                                    has_terminal: terminal == nil ? 0 : 1,
                                    columns: size.columns,
                                    rows: size.rows,
                                    pixel_width: size.pixelWidth,
                                    pixel_height: size.pixelHeight,
                                    modes: modeBytes.baseAddress,
                                    modes_length: modes.count
                                )
                                return unsafe agent_start_program(&start, &started)
                            }
                        }
                    }
                }
            }
        }
    }
}

struct TerminalRequest {
    var size: TerminalSize
    /// As in RFC 4254 §8.
    var modes: [UInt8]
}

struct TerminalSize {
    var columns: UInt32 = 0
    var rows: UInt32 = 0
    var pixelWidth: UInt32 = 0
    var pixelHeight: UInt32 = 0

    func apply(to terminal: Int32) {
        // A terminal that is gone needs no size.
        _ = agent_resize(terminal, columns, rows, pixelWidth, pixelHeight)
    }
}

/// Variables as `NAME=VALUE`, of which each name stands once.
struct Environment {
    private(set) var list: [[UInt8]] = []

    /// Later ones win; what has no `=` is left out.
    init(_ variables: [[UInt8]]) {
        var places: [[UInt8]: Int] = [:]
        for variable in variables {
            guard let name = Self.name(variable) else { continue }
            if let place = places[Array(name)] {
                list[place] = variable
            } else {
                places[Array(name)] = list.count
                list.append(variable)
            }
        }
    }

    /// The agent's own.
    static func own() -> [[UInt8]] {
        var result: [[UInt8]] = []
        var index: Int32 = 0
        while let variable = unsafe bytes(cString: agent_environment(index)) {
            result.append(variable)
            index += 1
        }
        return result
    }

    func value(_ name: StaticString) -> [UInt8]? {
        let wanted = bytes(name)
        guard let found = list.first(where: { Self.name($0) == wanted[...] }) else { return nil }
        return Array(found.dropFirst(wanted.count + 1))
    }

    private static func name(_ variable: [UInt8]) -> ArraySlice<UInt8>? {
        guard let place = variable.firstIndex(of: UInt8(ascii: "=")), place > 0 else { return nil }
        return variable[..<place]
    }
}
