package import SharedConfig

/// A pod as the API server tells it, with everything it has.
package struct Pod: Sendable, Hashable {
    /// The whole object, unknown members too.
    package let object: ConfigTree

    package init(_ object: ConfigTree) { self.object = object }

    private var metadata: ConfigTree { object["metadata"] ?? .null }
    private var status: ConfigTree { object["status"] ?? .null }

    package var name: String { metadata.text("name") }
    package var namespace: String { metadata.text("namespace") }
    package var uid: String { metadata.text("uid") }
    package var version: String { metadata.text("resourceVersion") }
    package var labels: [String: String] { Self.texts(metadata["labels"]) }
    package var annotations: [String: String] { Self.texts(metadata["annotations"]) }
    /// RFC 3339, in seconds.
    package var created: String { metadata.text("creationTimestamp") }
    /// Whether somebody has asked for its removal.
    package var isBeingDeleted: Bool { !metadata.text("deletionTimestamp").isEmpty }

    /// `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`, or empty.
    package var phase: String { status.text("phase") }
    /// `Evicted`, `DeadlineExceeded`, `NodeLost` …, or empty.
    package var reason: String { status.text("reason") }
    package var message: String { status.text("message") }
    package var hasEnded: Bool { phase == "Succeeded" || phase == "Failed" }

    /// The names of the spec's containers, in its order.
    package var containerNames: [String] {
        (object[path: ["spec", "containers"]] ?? .null).elements.map { $0.text("name") }
    }

    package func condition(_ type: String) -> Condition? {
        (status["conditions"] ?? .null).elements.first { $0.text("type") == type }.map {
            Condition(
                isTrue: $0.text("status") == "True",
                reason: $0.text("reason"),
                message: $0.text("message")
            )
        }
    }

    package struct Condition: Sendable, Hashable {
        package let isTrue: Bool
        package let reason: String
        package let message: String
    }

    /// How a container is, by its name: the server's list has an order of its own.
    package func container(_ name: String) -> ContainerState? {
        let lists = ["containerStatuses", "initContainerStatuses"]
        let all = lists.flatMap { (status[$0] ?? .null).elements }
        return all.first { $0.text("name") == name }.map(ContainerState.init)
    }

    /// All containers, those that prepare the pod too.
    package var containers: [(name: String, state: ContainerState)] {
        ["initContainerStatuses", "containerStatuses"]
            .flatMap { (status[$0] ?? .null).elements }
            .map { ($0.text("name"), ContainerState($0)) }
    }

    private static func texts(_ tree: ConfigTree?) -> [String: String] {
        (tree ?? .null).members.compactMapValues {
            if case .string(let text) = $0 { text } else { nil }
        }
    }
}

/// What a container does, or why it does nothing.
package enum ContainerState: Sendable, Hashable {
    /// `ContainerCreating`, `ErrImagePull`, `CrashLoopBackOff` … and the words to it.
    case waiting(reason: String, message: String)
    case running
    case ended(status: Int, reason: String, message: String)

    init(_ tree: ConfigTree) {
        let state = tree["state"] ?? .null
        if state["running"] != nil {
            self = .running
        } else if let ended = state["terminated"] {
            self = .ended(
                status: (ended["exitCode"] ?? .null).wholeNumber ?? 0,
                reason: ended.text("reason"),
                message: ended.text("message")
            )
        } else {
            let waiting = state["waiting"] ?? .null
            self = .waiting(reason: waiting.text("reason"), message: waiting.text("message"))
        }
    }
}
