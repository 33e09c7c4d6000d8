/// The codes of one part of the program, as one chapter of the reference.
package struct CodeArea: Sendable {
    /// What heads the chapter.
    package let title: String
    /// The codes in the order of their file.
    package let codes: [MessageCode]

    init(_ title: String, _ codes: [MessageCode]) {
        self.title = title
        self.codes = codes
    }
}

extension MessageCode {
    /// Every area of the project.
    ///
    /// A new area is a file of its own (`<Area>Codes.swift`) and one line here. Afterwards
    /// `docs/codes.md` is made anew with `berth codes --markdown`.
    package static let areas: [CodeArea] = [
        CodeArea("Start and configuration", coreCodes),
        CodeArea("Configuration file", configFileCodes),
        CodeArea("Services", serviceCodes + daemonCodes),
        CodeArea("SSH server", sshCodes + disconnectCodes),
        CodeArea("Authentication", authCodes + loginCodes + oauth2Codes + webhookCodes),
        CodeArea("authd", authdCodes + directoryCodes + authdCertificateCodes),
        CodeArea("Configuration webhook", configCodes),
        CodeArea("configd", configdCodes),
        CodeArea("Sessions", sessionCodes),
        CodeArea("Policy", securityCodes),
        CodeArea("Gateway", gatewayCodes + listeningCodes),
        CodeArea("Limits", limitsCodes),
        CodeArea("Forwarding", forwardCodes),
        CodeArea("Sandbox backend", sandboxCodes),
        CodeArea("Agent in a container", guestAgentCodes),
        CodeArea(
            "Docker backend",
            dockerCodes + dockerLifecycleCodes + dockerAgentCodes + containerFaultCodes
        ),
        CodeArea("Warm pool", poolCodes),
        CodeArea("OCI backend", ociCodes + ociImageCodes),
        CodeArea("Kubernetes backend", kubernetesCodes + kubernetesLifecycleCodes),
        CodeArea("sshproxy backend", sshproxyCodes),
        CodeArea("Recordings", auditCodes + auditdCodes + recordingCodes + evidenceCodes),
        CodeArea("HTTP", httpCodes + httpRefusalCodes),
        CodeArea(
            "Health, metrics and traces",
            healthCodes + metricsdCodes + geoIPCodes + tracingCodes
        ),
        CodeArea("Log", logCodes),
    ]

    /// Every code of the project, area by area.
    package static let all: [MessageCode] = areas.flatMap(\.codes)

    /// The code whose identifier is `id`, in exactly this spelling; `nil` if there is none.
    package static func named(_ id: String) -> MessageCode? { byID[id] }

    private static let byID: [String: MessageCode] = Dictionary(
        all.map { ($0.id, $0) },
        uniquingKeysWith: { first, _ in first }
    )
}
