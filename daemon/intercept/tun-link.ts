/** What a TUN of ours is on any machine: how its link is set, and its own addresses. Pure. */

/**
 * MTU: the most an IP packet has. There is no wire behind the device: connections need no segments of 1460 octets (a
 * quarter of the daemon's CPU in a download), and long datagrams come whole, not in fragments, which are dropped.
 * GSO: below the 64 KiB that libuv reads at once, with the header of the device.
 */
export const TUN_LINK = 'mtu 65535 gso_max_size 65000'

/**
 * Its addresses, of the benchmarking range (RFC 2544) and unique local (RFC 4193), and the prefixes that hold each with
 * the next one, which stands for programs before the kernel's own stack.
 */
export const TUN_OWN = {
  4: { address: '198.18.255.253', network: '198.18.255.252', length: 30 },
  6: { address: 'fdb4:5e1c:907b::1', network: 'fdb4:5e1c:907b::', length: 126 },
} as const
