import GatewayCore
import SharedKubernetes
import SharedSSH
import Synchronization

/// One connection's use of a pod that stays.
final class LastingPodWorkspace: Workspace {
    private let workspace: any PodHolding
    private let pod: Pod
    private let pods: LastingPods
    private let closing = Mutex<Task<Void, Never>?>(nil)

    var label: String { workspace.label }

    init(_ workspace: any PodHolding, pod: Pod, in pods: LastingPods) async {
        self.workspace = workspace
        self.pod = pod
        self.pods = pods
        await pods.began(pod)
    }

    func start(_ request: ProgramRequest) async throws -> any Program {
        try await workspace.start(request)
    }

    func putFile(_ file: WorkspaceFile) async throws { try await workspace.putFile(file) }

    func dial(
        _ destination: DialDestination,
        permission: DialPermission
    ) async throws -> any WorkspaceStream {
        try await workspace.dial(destination, permission: permission)
    }

    func listen(_ place: ListenPlace) async throws -> any WorkspaceListener {
        try await workspace.listen(place)
    }

    /// Ends the connection's programs and leaves the pod.
    func close() async {
        let task = closing.withLock { closing in
            let task =
                closing
                ?? Task {
                    await workspace.close()
                    await pods.ended(pod)
                }
            closing = task
            return task
        }
        await task.value
    }
}
