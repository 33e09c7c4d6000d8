import Foundation
import FuzzTargets

/// The target that BERTH_FUZZ_TARGET names.
private let target: FuzzTarget = {
    let name = ProcessInfo.processInfo.environment["BERTH_FUZZ_TARGET"] ?? ""
    guard let target = FuzzTarget(rawValue: name) else {
        let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
        fatalError("BERTH_FUZZ_TARGET must be one of \(names)")
    }
    return target
}()

/// What libFuzzer calls with each input.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    unsafe target.run(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}
