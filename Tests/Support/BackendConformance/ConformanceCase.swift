/// One promise of the `Backend` protocol. Every backend's tests run all of them:
///
/// ```swift
/// @Test("keeps the promise", arguments: ConformanceCase.allCases)
/// func conforms(_ promise: ConformanceCase) async throws {
///     try await promise.prove(on: subject)
/// }
/// ```
package enum ConformanceCase: String, Sendable, CaseIterable {
    case separatesStreamsAndReportsStatus
    case reportsStatusOfSilentProgram
    case carriesLargeStreamsIntact
    case inputEndDoesNotEndProgram
    case closedInputReachesProgramAsEnd
    case bytesForNonReaderAreDropped
    case shellRunsCommandsFromInput
    case terminalHasItsSizeBeforeStart
    case resizeReachesTerminal
    case controlCharacterInterrupts
    case hiddenInputIsTold
    case terminalOutputBeforeExitIsComplete
    case termSignalEndsProgram
    case killSignalEndsProgram
    case unknownSignalIsRefused
    case unknownSubsystemIsRefused
    case missingCommandIs127
    case programsRunSideBySide
    case programsShareTheWorkspace
    case environmentReachesProgram
    case unreadOutputHoldsProgram
    case outputBeforeExitIsComplete
    case exitDoesNotWaitForChildren
    case cancelledReaderStops
    case terminateEndsProgram
    case fileIsPutWhole
    case closeEndsEverything
    case closeIsHarmlessWhenRepeated
    case cancelledOpeningLeavesNothing
    case dialReachesListener
    case dialedStreamsEndEachForItself
    case largeStreamsThroughListenerAreIntact
    case dialsRunSideBySide
    case dialToNobodyIsRefused
    case cancelledDialStops
    case portZeroBecomesAPort
    case takenPortIsRefused
    case localhostIsBothFamilies
    case socketListens
    case agentSocketIsAnnounced
    case displayIsAnnounced
    case malformedCookieIsRefused
    case closedListenerIsGone
    case cancelledAcceptStops
    case workspaceEndsItsListeners

    /// Proves this promise, in workspaces of its own.
    ///
    /// Throws a `ConformanceFailure` that says what was seen instead, or the backend's error.
    package func prove(on subject: ConformanceSubject) async throws {
        try await within(subject.patience * 2, rawValue) {
            if isAboutForwarding, !subject.canForward {
                return try await ForwardProofs.isUnsupported(subject)
            }
            let proof = subject.sharesPrograms ? proof : separateProof ?? proof
            try await proof(subject)
        }
    }

    /// The proof where programs share nothing.
    private var separateProof: (@Sendable (ConformanceSubject) async throws -> Void)? {
        switch self {
        case .programsRunSideBySide: SeparateProofs.programsRunSideBySide
        case .programsShareTheWorkspace: SeparateProofs.programsShareNothing
        case .terminateEndsProgram: SeparateProofs.terminateEndsEverything
        default: nil
        }
    }

    private var isAboutForwarding: Bool {
        switch self {
        case .dialReachesListener, .dialedStreamsEndEachForItself,
            .largeStreamsThroughListenerAreIntact, .dialsRunSideBySide, .dialToNobodyIsRefused,
            .cancelledDialStops, .portZeroBecomesAPort, .takenPortIsRefused,
            .localhostIsBothFamilies, .socketListens, .agentSocketIsAnnounced,
            .displayIsAnnounced, .malformedCookieIsRefused, .closedListenerIsGone,
            .cancelledAcceptStops, .workspaceEndsItsListeners:
            true
        default: false
        }
    }

    private var proof: @Sendable (ConformanceSubject) async throws -> Void {
        switch self {
        case .separatesStreamsAndReportsStatus: StreamProofs.separatesStreamsAndReportsStatus
        case .reportsStatusOfSilentProgram: StreamProofs.reportsStatusOfSilentProgram
        case .carriesLargeStreamsIntact: StreamProofs.carriesLargeStreamsIntact
        case .inputEndDoesNotEndProgram: StreamProofs.inputEndDoesNotEndProgram
        case .closedInputReachesProgramAsEnd: StreamProofs.closedInputReachesProgramAsEnd
        case .bytesForNonReaderAreDropped: StreamProofs.bytesForNonReaderAreDropped
        case .unreadOutputHoldsProgram: StreamProofs.unreadOutputHoldsProgram
        case .outputBeforeExitIsComplete: StreamProofs.outputBeforeExitIsComplete
        case .cancelledReaderStops: StreamProofs.cancelledReaderStops
        case .shellRunsCommandsFromInput: TerminalProofs.shellRunsCommandsFromInput
        case .terminalHasItsSizeBeforeStart: TerminalProofs.terminalHasItsSizeBeforeStart
        case .resizeReachesTerminal: TerminalProofs.resizeReachesTerminal
        case .controlCharacterInterrupts: TerminalProofs.controlCharacterInterrupts
        case .hiddenInputIsTold: TerminalProofs.hiddenInputIsTold
        case .terminalOutputBeforeExitIsComplete: TerminalProofs.outputBeforeExitIsComplete
        case .termSignalEndsProgram: ProgramProofs.termSignalEndsProgram
        case .killSignalEndsProgram: ProgramProofs.killSignalEndsProgram
        case .unknownSignalIsRefused: ProgramProofs.unknownSignalIsRefused
        case .unknownSubsystemIsRefused: ProgramProofs.unknownSubsystemIsRefused
        case .missingCommandIs127: ProgramProofs.missingCommandIs127
        case .programsRunSideBySide: ProgramProofs.programsRunSideBySide
        case .programsShareTheWorkspace: ProgramProofs.programsShareTheWorkspace
        case .environmentReachesProgram: ProgramProofs.environmentReachesProgram
        case .exitDoesNotWaitForChildren: ProgramProofs.exitDoesNotWaitForChildren
        case .terminateEndsProgram: ProgramProofs.terminateEndsProgram
        case .fileIsPutWhole: WorkspaceProofs.fileIsPutWhole
        case .closeEndsEverything: WorkspaceProofs.closeEndsEverything
        case .closeIsHarmlessWhenRepeated: WorkspaceProofs.closeIsHarmlessWhenRepeated
        case .cancelledOpeningLeavesNothing: WorkspaceProofs.cancelledOpeningLeavesNothing
        case .dialReachesListener: ForwardProofs.dialReachesListener
        case .dialedStreamsEndEachForItself: ForwardProofs.streamsEndEachForItself
        case .largeStreamsThroughListenerAreIntact: ForwardProofs.largeStreamsAreIntact
        case .dialsRunSideBySide: ForwardProofs.dialsRunSideBySide
        case .dialToNobodyIsRefused: ForwardProofs.dialToNobodyIsRefused
        case .cancelledDialStops: ForwardProofs.cancelledDialStops
        case .portZeroBecomesAPort: ListenProofs.portZeroBecomesAPort
        case .takenPortIsRefused: ListenProofs.takenPortIsRefused
        case .localhostIsBothFamilies: ListenProofs.localhostIsBothFamilies
        case .socketListens: ListenProofs.socketListens
        case .agentSocketIsAnnounced: ListenProofs.agentSocketIsAnnounced
        case .displayIsAnnounced: ListenProofs.displayIsAnnounced
        case .malformedCookieIsRefused: ListenProofs.malformedCookieIsRefused
        case .closedListenerIsGone: ListenProofs.closedListenerIsGone
        case .cancelledAcceptStops: ListenProofs.cancelledAcceptStops
        case .workspaceEndsItsListeners: ListenProofs.workspaceEndsItsListeners
        }
    }
}
