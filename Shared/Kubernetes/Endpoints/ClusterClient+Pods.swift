package import SharedConfig

extension ClusterClient {
    /// Creates a pod out of the whole object and answers what the server made of it.
    package func createPod(_ pod: ConfigTree, namespace: String) async throws -> Pod {
        var call = RESTCall(method: .post, path: Self.pods(namespace))
        call.body = Array(pod.json.utf8)
        return Pod(try await fetch(call))
    }

    /// `nil` where there is none of this name.
    package func pod(_ name: String, namespace: String) async throws -> Pod? {
        do {
            return Pod(try await fetch(RESTCall(method: .get, path: Self.pods(namespace, name))))
        } catch let refusal as ClusterRefusal where refusal.status == 404 {
            return nil
        }
    }

    private static var page: Int { 250 }
    /// 100,000 pods.
    private static var mostPages: Int { 400 }

    /// All pods that a selector of labels fits.
    package func pods(labels selector: String, namespace: String) async throws -> [Pod] {
        var pods: [Pod] = []
        var next = ""
        for _ in 0..<Self.mostPages {
            var items = [("labelSelector", selector), ("limit", "\(Self.page)")]
            if !next.isEmpty { items.append(("continue", next)) }
            let path = Self.pods(namespace) + query(items)
            let list = try await fetch(RESTCall(method: .get, path: path))
            pods += (list["items"] ?? .null).elements.map(Pod.init)
            next = (list["metadata"] ?? .null).text("continue")
            if next.isEmpty { return pods }
        }
        throw ClusterFault.tooLarge("a list of pods")
    }

    /// Asks for a pod's removal: its programs get `grace` to end. Answers whether there was one;
    /// with `uid` another one of the same name is none.
    @discardableResult
    package func deletePod(
        _ name: String,
        namespace: String,
        uid: String = "",
        grace: Int
    ) async throws -> Bool {
        var options: [String: ConfigTree] = [
            "kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": .integer(grace),
        ]
        if !uid.isEmpty { options["preconditions"] = ["uid": .string(uid)] }
        var call = RESTCall(method: .delete, path: Self.pods(namespace, name))
        call.body = Array(ConfigTree.map(options).json.utf8)
        do {
            _ = try await send(call)
            return true
        } catch let refusal as ClusterRefusal where refusal.status == 404 {
            return false
        } catch let refusal as ClusterRefusal where refusal.status == 409 && !uid.isEmpty {
            // Another pod has its name by now.
            return false
        }
    }

    /// Lays `patch` over a pod (RFC 7396).
    @discardableResult
    package func patchPod(
        _ name: String,
        namespace: String,
        _ patch: ConfigTree
    ) async throws -> Pod {
        var call = RESTCall(method: .patch, path: Self.pods(namespace, name))
        call.contentType = "application/merge-patch+json"
        call.body = Array(patch.json.utf8)
        return Pod(try await fetch(call))
    }

    /// The last lines that a container has said.
    package func log(
        _ name: String,
        namespace: String,
        container: String,
        lines: Int
    ) async throws -> String {
        let path =
            Self.pods(namespace, name) + "/log"
            + query([
                ("container", container), ("tailLines", "\(lines)"), ("limitBytes", "65536"),
            ])
        var call = RESTCall(method: .get, path: path)
        call.replyLimit = 128 << 10
        return String(decoding: try await send(call).body, as: UTF8.self)
    }
}
