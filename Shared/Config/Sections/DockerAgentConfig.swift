/// How the gateway's agent gets into a container.
package struct DockerAgentConfig: ConfigSection {
    package enum Delivery: String, ConfigChoice {
        /// Whichever of the next two works.
        case auto
        /// A folder of this machine, bound read-only into the container.
        case mount
        /// A copy inside the container.
        case copy
        /// Not at all: the image has an agent of ContainerSSH's kind at `agentPath`.
        case none
    }

    package var delivery = Delivery.auto

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("delivery", &delivery)
    }
}
