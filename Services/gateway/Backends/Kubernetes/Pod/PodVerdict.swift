import SharedKubernetes
import SharedMessages

/// What the state of a pod means for the people in it.
enum PodVerdict: Sendable {
    /// It serves, or may still come to.
    case fine
    /// It waits, and the person may know for what; the code is the operator's.
    case waits(String, CodedError)
    /// It will not serve any more.
    case over(CodedError)

    /// Of the pod whose people are in `container`.
    init(_ pod: Pod, container: String) {
        if let end = Self.end(of: pod, container) {
            self = .over(end)
        } else if let failure = Self.startFailure(pod) {
            self = .over(failure)
        } else if let place = pod.condition("PodScheduled"), !place.isTrue,
            place.reason == "Unschedulable"
        {
            self = .waits(
                "Waiting for room in the cluster ...",
                CodedError(.kubernetesPodUnschedulable, detail: place.message)
            )
        } else if let (reason, message) = Self.pullTrouble(pod) {
            self = .waits(
                "The image cannot be pulled yet, waiting ...",
                CodedError(.kubernetesImagePullFailed, detail: "\(reason): \(message)")
            )
        } else {
            self = .fine
        }
    }

    private static func end(of pod: Pod, _ container: String) -> CodedError? {
        let disruption = pod.condition("DisruptionTarget")
        if pod.reason == "Evicted" || disruption?.isTrue == true {
            let reason = pod.reason.isEmpty ? disruption?.reason ?? "" : pod.reason
            let message = pod.message.isEmpty ? disruption?.message ?? "" : pod.message
            return CodedError(.kubernetesPodEvicted, detail: "\(reason): \(message)")
        }
        if case .ended(let status, let reason, let message)? = pod.container(container) {
            guard reason != "OOMKilled" else {
                return CodedError(.kubernetesPodOutOfMemory, detail: "status \(status)")
            }
            return CodedError(
                .kubernetesPodEnded,
                detail: "its container ended with status \(status) \(reason) \(message)"
            )
        }
        if pod.isBeingDeleted { return CodedError(.kubernetesPodDeleted) }
        guard pod.hasEnded else { return nil }
        return CodedError(
            .kubernetesPodEnded,
            detail: "\(pod.phase) \(pod.reason) \(pod.message)"
        )
    }

    /// What waiting does not help against.
    private static func startFailure(_ pod: Pod) -> CodedError? {
        let hopeless = [
            "InvalidImageName", "ErrImageNeverPull", "ImagePullBackOff", "ErrImagePullBackOff",
            "CreateContainerConfigError", "CreateContainerError", "RunContainerError",
            "CrashLoopBackOff", "StartError", "ContainerCannotRun",
        ]
        for (name, state) in pod.containers {
            guard case .waiting(let reason, let message) = state, hopeless.contains(reason) else {
                continue
            }
            let isImage = reason.contains("Image")
            return CodedError(
                isImage ? .kubernetesImagePullFailed : .kubernetesPodWaitFailed,
                detail: "container \(name): \(reason): \(message)"
            )
        }
        return nil
    }

    private static func pullTrouble(_ pod: Pod) -> (String, String)? {
        for (_, state) in pod.containers {
            if case .waiting("ErrImagePull", let message) = state {
                return ("ErrImagePull", message)
            }
        }
        return nil
    }
}
