import GatewayCore
import SharedConfig

/// A workspace that is a pod.
protocol PodHolding: Workspace {
    var podName: String { get }

    /// Tells everybody something about the pod; nobody waits for that.
    func mark(_ patch: ConfigTree)
}
