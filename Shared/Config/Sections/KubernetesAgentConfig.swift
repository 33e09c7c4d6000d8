/// How the gateway's agent gets into a pod.
package struct KubernetesAgentConfig: ConfigSection {
    package enum Delivery: String, ConfigChoice {
        /// `image` where there is one, else `copy`.
        case auto
        /// By a container that runs before the others and brings it.
        case image
        /// Through a program in the pod that takes it; needs a shell in the image.
        case copy
    }

    package var delivery = Delivery.auto
    /// An image with `/berth-agent`, which can install itself; empty: none.
    package var image = ""

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("delivery", &delivery)
        visitor.field("image", &image)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check(delivery != .image || !image.isEmpty, "image", nil, "must be set")
        return list.problems
    }

    /// Whether the agent comes out of an image.
    package var usesImage: Bool { delivery == .image || delivery == .auto && !image.isEmpty }
}
