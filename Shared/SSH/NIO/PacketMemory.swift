import CMalloc

/// How the C library's allocator treats the memory of packets.
package enum PacketMemory {
    /// Free memory that each of the allocator's arenas, about one for each thread, may keep.
    private static let keptPerArena: Int32 = 2 << 20
    /// Larger pieces are mapped, and given back, one by one.
    private static let largestPiece: Int32 = 1 << 20

    /// Has the allocator keep what packets leave behind, for the packets that follow.
    ///
    /// By itself it gives everything beyond 128 KiB back to the kernel and gets it again, page by
    /// page, for every few packets (mallopt(3)): a quarter of the time that receiving takes. A
    /// server calls this once, at its start; it holds for the whole process.
    package static func keep() {
        // A refused setting costs nothing but that time.
        _ = mallopt(M_TRIM_THRESHOLD, keptPerArena)
        _ = mallopt(M_MMAP_THRESHOLD, largestPiece)
    }
}
