/**
 * Checks of what else is on this machine: networks, other VPNs, containers, packet filter. Pure.
 */
import { formatPrefix } from '#lib/net/prefix'
import { defineCheck, fine, notChecked, problem, warning } from './check.ts'
import { isBridge, overlap, printRoute, takesAll, vpnOf } from './machine-facts.ts'

export const NO_LOOK = notChecked('The program ip does not answer.', 'Install iproute2.')

export const LAN_OVERLAP = defineCheck({
  name: 'lan_overlap',
  looksAt: 'networks that this machine is part of, beside prefixes behind the gateway',
  codes: {
    lan_apart: fine('No network of this machine overlaps one behind the gateway.'),
    lan_overlaps: warning(
      'A network that this machine is part of overlaps one behind the gateway: in proxy mode what has such an address is sought behind the gateway.',
      'Ask your administrator for a narrower prefix or for host names, or number the local network otherwise.',
    ),
    lan_unknown: NO_LOOK,
  },
  judge: ({ machine, prefixes }) => {
    if (machine === undefined) return [['lan_unknown']]
    const both = machine.ownSubnets.filter(({ to }) => prefixes.some((one) => overlap(one, to)))
    return both.length === 0
      ? [['lan_apart']]
      : both.map((route) => ['lan_overlaps', printRoute(route)] as const)
  },
})

export const OTHER_VPN = defineCheck({
  name: 'other_vpn',
  looksAt: 'links of other VPNs, by kind and name, and whether the default route leads into one',
  codes: {
    no_other_vpn: fine('No other VPN is on this machine.'),
    other_vpn_beside: warning(
      'Another VPN is on this machine, and takes a part of its traffic.',
      'Where a destination is reached by the wrong one, take it out of the other, or switch that off.',
    ),
    other_vpn_takes_all: warning(
      'Another VPN takes all traffic of this machine: the tunnel to the gateway runs inside it.',
      'Exempt the gateway there if the tunnel is slow or does not come up.',
    ),
    other_vpn_unknown: NO_LOOK,
  },
  judge: ({ machine }) => {
    if (machine === undefined) return [['other_vpn_unknown']]
    const found = machine.links.flatMap((link) => {
      const vpn = vpnOf(link)
      if (vpn === undefined) return []
      const code = takesAll(machine, link) ? 'other_vpn_takes_all' : 'other_vpn_beside'
      return [[code, `${link.name} (${vpn})`] as const]
    })
    return found.length === 0 ? [['no_other_vpn']] : found
  },
})

/** Shorter ones are a default route, or a part of it. */
const LEAST_LENGTH = 4

export const SYNTHETIC_RANGE = defineCheck({
  name: 'synthetic_range',
  looksAt: 'routes of others into the addresses that stand for private names',
  transparentOnly: true,
  codes: {
    synthetic_range_free: fine('The addresses that stand for private names are free.'),
    synthetic_range_taken: problem(
      'Another network has a route into the addresses that stand for private names.',
      'Choose another synthetic_v4 or synthetic_v6 in the configuration of the daemon.',
    ),
    synthetic_range_unknown: NO_LOOK,
  },
  judge: ({ machine, synthetic }) => {
    if (machine === undefined) return [['synthetic_range_unknown']]
    const taken = machine.routes.filter(
      ({ to }) => to.length >= LEAST_LENGTH && synthetic.some((range) => overlap(range, to)),
    )
    return taken.length === 0
      ? [['synthetic_range_free', synthetic.map(formatPrefix).join(', ')]]
      : taken.map((route) => ['synthetic_range_taken', printRoute(route)] as const)
  },
})

export const CONTAINERS = defineCheck({
  name: 'containers',
  looksAt: 'bridges of Docker, Podman and virtual machines',
  codes: {
    no_containers: fine('There is no bridge of containers.'),
    containers_beside: fine(
      'There are bridges of containers; their traffic is not taken, they reach us through the proxy port only where it is shared.',
    ),
    containers_unknown: NO_LOOK,
  },
  judge: ({ machine }) => {
    if (machine === undefined) return [['containers_unknown']]
    const bridges = machine.links.filter(isBridge).map(({ name }) => name)
    return bridges.length === 0 ? [['no_containers']] : [['containers_beside', bridges.join(', ')]]
  },
})

export const NFT = defineCheck({
  name: 'nft',
  looksAt: "the program nft and the kernel's nf_tables",
  transparentOnly: true,
  codes: {
    nft_usable: fine('Connections can be redirected by nft.'),
    nft_absent: warning(
      'nft is not installed: transparent mode rewrites packets itself, which is slower.',
      'Install nftables.',
    ),
    nft_not_permitted: warning(
      'nft is not allowed to do its work: transparent mode rewrites packets itself, which is slower.',
      'Run the daemon with CAP_NET_ADMIN, on a kernel with nf_tables.',
    ),
    nft_refused: warning(
      'nft works, and refused the table of zt: transparent mode rewrites packets itself, which is slower.',
      'If another program has a table "inet zt" ("nft list tables"), take that away; then restart the daemon, whose log has the complaint.',
    ),
    nft_unknown: NO_LOOK,
  },
  judge: ({ machine, status }) => {
    if (machine === undefined) return [['nft_unknown']]
    const isRefused = machine.nft === 'usable' && status?.transparent?.mode === 'tun-nat'
    return [[isRefused ? 'nft_refused' : `nft_${machine.nft}`]]
  },
})

export const FIREWALL = defineCheck({
  name: 'firewall',
  looksAt:
    'whether a packet filter drops what comes in, which transparent mode without nft cannot stand',
  transparentOnly: true,
  codes: {
    firewall_lets_in: fine('No packet filter drops what comes in.'),
    firewall_beside_redirect: fine(
      'A packet filter drops what comes in; connections that the daemon takes are not touched by it.',
    ),
    firewall_drops: problem(
      'A packet filter drops what comes in, and with it all connections: transparent mode does without nft here.',
      'Allow what the detail says, and restart the daemon; or see the finding on nft.',
    ),
    firewall_unknown: notChecked('The packet filter cannot be read without nft and CAP_NET_ADMIN.'),
  },
  judge: ({ machine, status }) => {
    const { mode, detail } = status?.transparent ?? {}
    // What it found out by a connection to itself.
    if (mode === 'tun-nat' && detail !== undefined) return [['firewall_drops', detail]]
    if (machine?.dropsInput === undefined) return [['firewall_unknown']]
    return [[machine.dropsInput ? 'firewall_beside_redirect' : 'firewall_lets_in']]
  },
})
