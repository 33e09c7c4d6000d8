extension IPNetwork {
    /// The block of an address: its leading `ipv4` or `ipv6` bits, whichever kind it is.
    package init(of address: IPAddress, ipv4: Int, ipv6: Int) {
        self.init(address, prefix: address.isIPv4 ? ipv4 : ipv6)
    }

    /// As `description`, but a single address without its prefix.
    package var shortText: String {
        prefix == (address.isIPv4 ? 32 : 128) ? "\(address)" : description
    }
}
