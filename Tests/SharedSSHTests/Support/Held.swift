import NIOCore
import NIOPosix
import Synchronization

/// A place where one task leaves something for another.
final class Held<Value: Sendable>: Sendable {
    private let held = Mutex<Value?>(nil)

    var value: Value? {
        get { held.withLock { $0 } }
        set { held.withLock { $0 = newValue } }
    }
}

var singletonGroup: any EventLoopGroup { MultiThreadedEventLoopGroup.singleton }
