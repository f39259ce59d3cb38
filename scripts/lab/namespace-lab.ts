/**
 * Three network namespaces on one machine, so that "unreachable without zt" is a fact of routing:
 *
 *   root (laptop)          gw (gateway)                targets
 *   198.18.N.1 ──veth── 198.18.N.2, .3   10.18.N.1 ──veth── 10.18.N.2
 *
 * Links root–gw and gw–targets only; no forwarding in gw. 198.18.0.0/15 is the benchmarking range (RFC 2544).
 *
 * Where the laptop's own network is looked at, it is a fourth namespace, in which nothing else of this machine is:
 *
 *   laptop                 gw
 *   198.19.N.2 ──uplink── 198.19.N.1
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './child-process.ts'

/** Where things live in a lab. `inGateway` and `inTargets` are argv prefixes. */
export type Lab = {
  readonly kind: 'namespaces' | 'loopback'
  /** Address of the laptop that gateway and browser reach (identity provider). */
  readonly laptop: string
  /** Tunnel and login listener. */
  readonly gateway: string
  /** Admin listener: an address, and so an origin, of its own. */
  readonly admin: string
  readonly target: string
  /** Prefix that the targets live in. */
  readonly targetPrefix: string
  /** Where the daemon and its user's programs run. */
  readonly inLaptop: readonly string[]
  readonly inGateway: readonly string[]
  readonly inTargets: readonly string[]
  remove(): Promise<void>
}

/** Numbers N that a lab may take. */
const FIRST_NUMBER = 20
const NUMBERS = 200

/** Loopback addresses only: what works without privileges. Proves less, since nothing isolates the targets. */
export function loopbackLab(): Lab {
  return {
    kind: 'loopback',
    laptop: '127.0.0.1',
    gateway: '127.18.0.2',
    admin: '127.18.0.3',
    target: '127.19.0.2',
    targetPrefix: '127.19.0.0/16',
    inLaptop: [],
    inGateway: [],
    inTargets: [],
    remove: async () => {},
  }
}

/** The organisation's own zone. */
export const ZONE = 'corp.internal'

/** The laptop's link, as it is called in its namespace. */
export const UPLINK = 'uplink'

/**
 * Makes the namespaces; needs root and iproute2.
 * @param hasLaptop with one for the laptop, too.
 * @throws {Error} when the kernel refuses; what was made is removed first.
 */
export async function namespaceLab(hasLaptop = false): Promise<Lab> {
  const number = await claimNumber()
  const gw = `zt${number}-gw`
  const targets = `zt${number}-tg`
  const laptop = `zt${number}-lt`
  const remove = async (): Promise<void> => {
    await run(['ip', 'netns', 'del', gw])
    await run(['ip', 'netns', 'del', targets])
    if (hasLaptop) await run(['ip', 'netns', 'del', laptop])
    rmSync(etcOf(laptop), { recursive: true, force: true })
    await run(['ip', 'route', 'del', 'unreachable', `10.18.${number}.0/24`])
  }
  if (hasLaptop) writeResolvConf(laptop, number)
  const ofLaptop = hasLaptop ? laptopCommands(number, gw, laptop) : []
  for (const command of [...commands(number, gw, targets), ...ofLaptop]) {
    const done = await run(['ip', ...command.split(' ')])
    if (done.code === 0) continue
    await remove()
    throw new Error(`ip ${command}: ${done.stderr.trim()}`)
  }
  return {
    kind: 'namespaces',
    laptop: `198.18.${number}.1`,
    gateway: `198.18.${number}.2`,
    admin: `198.18.${number}.3`,
    target: `10.18.${number}.2`,
    targetPrefix: `10.18.${number}.0/24`,
    inLaptop: hasLaptop ? ['ip', 'netns', 'exec', laptop] : [],
    inGateway: ['ip', 'netns', 'exec', gw],
    inTargets: ['ip', 'netns', 'exec', targets],
    remove,
  }
}

function commands(number: number, gw: string, targets: string): string[] {
  const laptopLink = `zt${number}-l`
  const targetLink = `zt${number}-t`
  return [
    `netns add ${targets}`,
    `link add ${laptopLink} type veth peer name laptop netns ${gw}`,
    `-n ${gw} link add private type veth peer name ${targetLink} netns ${targets}`,
    `addr add 198.18.${number}.1/24 dev ${laptopLink}`,
    `link set ${laptopLink} up`,
    // Without it a packet for a target would follow the laptop's default route off this machine.
    `route add unreachable 10.18.${number}.0/24`,
    `-n ${gw} addr add 198.18.${number}.2/24 dev laptop`,
    `-n ${gw} addr add 198.18.${number}.3/24 dev laptop`,
    `-n ${gw} addr add 10.18.${number}.1/24 dev private`,
    `-n ${gw} link set lo up`,
    `-n ${gw} link set laptop up`,
    `-n ${gw} link set private up`,
    `-n ${targets} addr add 10.18.${number}.2/24 dev ${targetLink}`,
    `-n ${targets} link set lo up`,
    `-n ${targets} link set ${targetLink} up`,
    `netns exec ${gw} sysctl -qw net.ipv4.ip_forward=0`,
    // Ping without privileges, for any group (icmp(7)); a tab, since commands are split at spaces.
    `netns exec ${gw} sysctl -qw net.ipv4.ping_group_range=0\t2147483647`,
    // Thousands of flows to one target wait out TIME_WAIT in this namespace: without it the kernel runs out of ports.
    `netns exec ${gw} sysctl -qw net.ipv4.tcp_tw_reuse=1`,
  ]
}

function laptopCommands(number: number, gw: string, laptop: string): string[] {
  return [
    `netns add ${laptop}`,
    `link add ${UPLINK} netns ${laptop} type veth peer name uplink netns ${gw}`,
    `-n ${gw} addr add 198.19.${number}.1/24 dev uplink`,
    `-n ${gw} link set uplink up`,
    `-n ${laptop} addr add 198.19.${number}.2/24 dev ${UPLINK}`,
    `-n ${laptop} link set lo up`,
    `-n ${laptop} link set ${UPLINK} up`,
    `-n ${laptop} route add default via 198.19.${number}.1`,
  ]
}

/** `ip netns exec` lays what is here over /etc (ip-netns(8)). */
function etcOf(namespace: string): string {
  return `/etc/netns/${namespace}`
}

/** A name server of the network it is in, which answers nothing; and the search list that DHCP would give. */
function writeResolvConf(laptop: string, number: number): void {
  mkdirSync(etcOf(laptop), { recursive: true })
  const lines = [`nameserver 198.19.${number}.1`, `search ${ZONE}`, 'options attempts:1']
  writeFileSync(join(etcOf(laptop), 'resolv.conf'), `${lines.join('\n')}\n`)
}

/** Several labs may run at once (tests in parallel): `netns add` is atomic, so it claims the number. */
async function claimNumber(): Promise<number> {
  const routes = await run(['ip', '-4', 'route'])
  for (let step = 0; step < NUMBERS; step++) {
    const number = FIRST_NUMBER + ((process.pid + step) % NUMBERS)
    if (routes.stdout.includes(`.18.${number}.`)) continue
    const claimed = await run(['ip', 'netns', 'add', `zt${number}-gw`])
    if (claimed.code === 0) return number
    if (!claimed.stderr.includes('File exists')) throw new Error(`ip netns add: ${claimed.stderr}`)
  }
  throw new Error('no free lab number: remove left-over namespaces (ip netns list)')
}
