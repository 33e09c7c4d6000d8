import NIOCore
import SharedSSH

// MARK: - What the agent says about an id

extension AgentMachine {
    mutating func handleItem(_ event: AgentEvent) throws(AgentFault) {
        let (kind, id) = event.subject
        guard let item = items[id], !item.isOver else {
            guard wasGiven(id) else { throw .unexpected(kind: kind, id: id) }
            return
        }
        switch event {
        case .started(_, let process):
            try answer(item, isExpected: item.isProgram, .given(process), kind, id)
        case .opened: try answer(item, isExpected: item.kind == .connection, .given(0), kind, id)
        case .listening(_, let port):
            try answer(item, isExpected: item.kind == .listener, .given(UInt32(port)), kind, id)
        case .written: try answer(item, isExpected: item.kind == .file, .given(0), kind, id)
        case .failed(_, let refusal):
            try answer(item, isExpected: true, .refused(refusal), kind, id)
        case .exited(_, let exit):
            guard item.isProgram, item.isAnswered, item.exit == nil else {
                throw .unexpected(kind: kind, id: id)
            }
            item.exit = exit
            wake(.exit, id)
        case .input(_, let input):
            guard let untold = item.untold, input.count <= untold else {
                throw .unexpected(kind: kind, id: id)
            }
            item.untold = untold - input.count
            item.received.note(input)
            wake(.output, id)
        case .data(_, let channel, let bytes): try received(bytes, channel, item, id)
        case .end(_, let channel):
            guard item.isAnswered, item.received.end(channel) else {
                throw .unexpected(kind: kind, id: id)
            }
            wake(.output, id)
        case .window(_, let channel, let count): try window(count, channel, item, id)
        case .close: try closed(item, id)
        case .hello, .ping, .pong, .log, .accepted: throw .unexpected(kind: kind, id: id)
        }
    }

    private mutating func answer(
        _ item: AgentItem,
        isExpected: Bool,
        _ answer: AgentItem.Answer,
        _ kind: UInt8,
        _ id: UInt32
    ) throws(AgentFault) {
        guard isExpected, item.answer == .awaited else { throw .unexpected(kind: kind, id: id) }
        item.answer = answer
        wake(.answer, id)
        wake(.room, id)
        removeIfOver(id)
    }

    private mutating func received(
        _ bytes: ByteBuffer,
        _ channel: UInt8,
        _ item: AgentItem,
        _ id: UInt32
    ) throws(AgentFault) {
        guard item.isAnswered, item.isProgram || item.kind == .connection else {
            throw .unexpected(kind: FrameKind.data, id: id)
        }
        guard item.received.receive(bytes, channel) else { throw .window(id) }
        if item.received.isDiscarding {
            giveWindows(id)
        } else {
            wake(.output, id)
        }
    }

    private mutating func window(
        _ count: UInt32,
        _ channel: UInt8,
        _ item: AgentItem,
        _ id: UInt32
    ) throws(AgentFault) {
        let (sum, isOverflow) = item.sendWindow.addingReportingOverflow(count)
        guard channel == 0, !isOverflow, item.kind != .listener else { throw .window(id) }
        item.sendWindow = sum
        wake(.room, id)
    }

    private mutating func closed(_ item: AgentItem, _ id: UInt32) throws(AgentFault) {
        let isExpected =
            item.closeSent
            || (item.isAnswered && (!item.isProgram || item.exit != nil) && item.kind != .file)
        guard isExpected, !item.closeReceived else {
            throw .unexpected(kind: FrameKind.close, id: id)
        }
        item.closeReceived = true
        if !item.closeSent {
            item.closeSent = true
            send(FrameKind.close, id)
        }
        for event in [WaitKey.Event.answer, .room, .output, .exit, .connection] { wake(event, id) }
        removeIfOver(id)
    }
}

extension AgentItem {
    var isProgram: Bool {
        if case .program = kind { return true }
        return false
    }
}

extension AgentEvent {
    /// The frame's kind and id.
    fileprivate var subject: (kind: UInt8, id: UInt32) {
        switch self {
        case .hello: (FrameKind.hello, 0)
        case .ping: (FrameKind.ping, 0)
        case .pong: (FrameKind.pong, 0)
        case .log: (FrameKind.log, 0)
        case .started(let id, _): (FrameKind.started, id)
        case .failed(let id, _): (FrameKind.failed, id)
        case .exited(let id, _): (FrameKind.exited, id)
        case .input(let id, _): (FrameKind.input, id)
        case .data(let id, _, _): (FrameKind.data, id)
        case .end(let id, _): (FrameKind.end, id)
        case .window(let id, _, _): (FrameKind.window, id)
        case .close(let id): (FrameKind.close, id)
        case .opened(let id): (FrameKind.opened, id)
        case .listening(let id, _): (FrameKind.listening, id)
        case .accepted(let id, _, _, _): (FrameKind.accepted, id)
        case .written(let id): (FrameKind.written, id)
        }
    }
}

// MARK: - Output nobody wants

extension AgentMachine {
    /// Takes and drops what comes for the id from now on.
    package mutating func discardOutput(_ id: UInt32) {
        items[id]?.received.discard()
        giveWindows(id)
    }
}
