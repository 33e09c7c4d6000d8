import Foundation
import SharedConfig
import SharedHTTP

/// A webhook's reply, held against the contract.
struct Answer: Sendable {
    let status: Int
    let tree: ConfigTree?
    /// What breaks the contract in a reply with status 200.
    private(set) var faults: [String] = []
    /// What works here and not with ContainerSSH.
    private(set) var remarks: [String] = []

    init(_ reply: HTTPReply, _ endpoint: WebhookEndpoint) {
        status = reply.status
        tree = try? JSONTree.parse(reply.body, allowsMore: true).tree  // no JSON is no tree
        guard status == 200, endpoint != .session else { return }
        guard case .map(let map) = tree else {
            faults = ["the body is no JSON object"]
            return
        }
        check(map, endpoint)
        let type = reply.headers["Content-Type"] ?? ""
        if !type.hasPrefix("application/json") {
            remarks.append("Content-Type is \(type.isEmpty ? "missing" : "\(type)")")
        }
    }

    var isSuccess: Bool { status == 200 && faults.isEmpty && tree?["success"] == .bool(true) }

    /// The part that must be the same when the same is asked again.
    var verdict: String {
        let name = tree?["authenticatedUsername"]?.summary ?? "none"
        return "\(status), success \(tree?["success"]?.summary ?? "missing"), identity \(name)"
    }

    private static let echoed: Set<String> = [
        "remoteAddress", "connectionId", "clientVersion", "username", "metadata", "environment",
        "files", "authenticatedUsername",
    ]

    private mutating func check(_ map: [String: ConfigTree], _ endpoint: WebhookEndpoint) {
        for (key, value) in map.sorted(by: { $0.key < $1.key }) {
            switch key {
            case "success" where endpoint.isVerdict:
                if case .bool = value { break }
                faults.append("success is \(value.kind), not a boolean")
            case "config" where endpoint == .config: expect(key, value, isMap: true)
            case "metadata", "environment", "files": check(values: value, key)
            case "remoteAddress": check(address: value)
            case "challenge" where endpoint == .keyboardInteractive, "reason": break
            case _ where Self.echoed.contains(key): expect(key, value, isMap: false)
            default: remarks.append("the key \(key) is unknown; ContainerSSH refuses such replies")
            }
        }
        if endpoint.isVerdict, map["success"] == nil, map["challenge"] == nil {
            faults.append("success is missing")
        }
        if endpoint == .keyboardInteractive, let challenge = map["challenge"] {
            check(challenge: challenge)
        }
    }

    private mutating func expect(_ key: String, _ value: ConfigTree, isMap: Bool) {
        switch value {
        case .null: return
        case .map where isMap, .string where !isMap: return
        default: faults.append("\(key) is \(value.kind), not \(isMap ? "a map" : "a string")")
        }
    }

    private mutating func check(address: ConfigTree) {
        guard case .string(let text) = address else {
            faults.append("remoteAddress is \(address.kind), not a string")
            return
        }
        if text.last?.isNumber != true || !text.contains(":") {
            remarks.append("remoteAddress is no address with a port; ContainerSSH refuses that")
        }
    }

    private mutating func check(values: ConfigTree, _ key: String) {
        if values == .null { return }
        guard case .map(let map) = values else {
            faults.append("\(key) is \(values.kind), not a map")
            return
        }
        for (name, entry) in map.sorted(by: { $0.key < $1.key }) {
            guard case .string(let text) = entry["value"] ?? "" else {
                faults.append("\(key).\(name).value is no string")
                continue
            }
            if case .map = entry {} else { faults.append("\(key).\(name) is no map") }
            if let sensitive = entry["sensitive"] {
                if case .bool = sensitive {
                } else {
                    faults.append("\(key).\(name).sensitive is no boolean")
                }
            }
            if key == "files", Data(base64Encoded: text) == nil {
                faults.append("\(key).\(name).value is no padded base64")
            }
        }
    }

    private mutating func check(challenge: ConfigTree) {
        guard case .map = challenge else {
            faults.append("challenge is \(challenge.kind), not a map")
            return
        }
        for key in ["name", "instruction", "state"] {
            if let value = challenge[key] { expect("challenge.\(key)", value, isMap: false) }
        }
        guard case .list(let prompts) = challenge["prompts"] ?? [] else {
            faults.append("challenge.prompts is no list")
            return
        }
        if prompts.count > 16 { faults.append("challenge has more than 16 prompts") }
        for prompt in prompts {
            guard case .string(let text) = prompt["prompt"], !text.isEmpty else {
                faults.append("a prompt has no text")
                continue
            }
        }
    }
}
