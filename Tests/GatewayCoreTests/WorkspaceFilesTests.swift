import Logging
import SharedModels
import Synchronization
import Testing

@testable import GatewayCore

@Suite("Files that webhooks want in a workspace")
struct WorkspaceFilesTests {
    @Test("arrive decoded, and a bad one keeps neither the others nor the person out")
    func files() async {
        let workspace = FileKeeper()
        let files = WorkspaceFiles(
            files: [
                "/etc/motd": BinaryMetadataValue(base64: "aGVsbG8K"),
                "/etc/bad": BinaryMetadataValue(base64: "not base64!"),
                "relative": BinaryMetadataValue(base64: "aGVsbG8K"),
            ],
            logger: Logger(label: "test")
        )
        await files.put(into: workspace)
        #expect(
            workspace.files == [WorkspaceFile(path: "/etc/motd", content: Array("hello\n".utf8))]
        )
    }
}

private final class FileKeeper: Workspace {
    private let kept = Mutex<[WorkspaceFile]>([])
    var files: [WorkspaceFile] { kept.withLock { $0 } }
    let label = "files"

    func start(_ request: ProgramRequest) async throws -> any Program {
        throw OperationUnsupported(operation: "start")
    }

    func putFile(_ file: WorkspaceFile) async throws { kept.withLock { $0.append(file) } }

    func dial(
        _ destination: DialDestination,
        permission: DialPermission
    ) async throws -> any WorkspaceStream {
        throw OperationUnsupported(operation: "dial")
    }

    func close() async {}
}
