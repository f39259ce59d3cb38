/**
 * Connections without a firewall rule: packets from the device come back to it with other addresses, so that the
 * kernel's own TCP ends them at a listener of ours. A program's connection A:a → B:b becomes peer:n → own:PORT.
 */
import net, { type Socket, type TcpSocketConnectOpts } from 'node:net'
import { addressFromBytes, equalAddresses, formatAddress, type IpAddress } from '#lib/net/address'
import type { Counting } from './intercept-counters.ts'
import { answerAddresses, destinationOf, type IpPacket, keyOf } from './ip-packet.ts'
import { type Listeners, listenOnAll } from './listeners-server.ts'
import { type NatEntry, NatTable } from './nat-table.ts'
import type { TcpFlows } from './tcp-flows-server.ts'
import { parseTcp, printReset, rewriteTcp, type TcpSegment, tcpPath } from './tcp-segment.ts'
import type { TcpWay } from './tcp-way.ts'

export type TunNatOptions = {
  readonly deviceName: string
  /** The device's own addresses, in use already; the next one up of each is the peer, and is routed to the device. */
  readonly addresses: readonly IpAddress[]
  readonly counting: Counting
  readonly write: (frame: Buffer) => void
}

const PORTS_OCTETS = 4
const SELF_TEST_MS = 2000

/** An own address with its peer. */
type Pair = { readonly own: IpAddress; readonly peer: IpAddress }

/** @throws {Error} when the device has none of the addresses. */
export async function startTunNat(flows: TcpFlows, options: TunNatOptions): Promise<TcpWay> {
  const { counting, write } = options
  const table = new NatTable()
  const destinations = new WeakMap<NatEntry, { address: IpAddress; port: number }>()
  const pairs = options.addresses.map((own) => ({ own, peer: peerOf(own) }))
  const hosts = pairs.map(({ own }) => formatAddress(own))
  const listeners: Listeners = await listenOnAll(hosts, onClient)
  const answersFrom = pairs.map(({ own, peer }) =>
    Buffer.concat([own.bytes, peer.bytes]).toString('latin1'),
  )

  function onClient(client: Socket): void {
    const entry = isPeer(client) ? table.behind(client.remotePort ?? 0) : undefined
    const destination = entry && destinations.get(entry)
    if (entry === undefined || destination === undefined) {
      flows.refuse(client, 'direct_connection')
      return
    }
    table.accepted(entry)
    client.once('close', () => table.closed(entry))
    if (!isPeerAddress(destination.address)) flows.accept(client, destination)
    // Our own test needs no more than the handshake; it is paused, and would see no end.
    else if (destination.port === listeners.port) client.destroy()
    else flows.refuse(client, 'unknown_destination')
  }

  function onPacket(packet: IpPacket): void {
    const segment = parseTcp(packet)
    if (segment === undefined) {
      counting.drop('malformed')
      return
    }
    const isAnswer = segment.sourcePort === listeners.port && answersFrom.includes(keyOf(packet, 0))
    if (isAnswer) carry(packet, segment, table.behind(segment.destinationPort), 'back')
    else carry(packet, segment, entryOf(packet, segment), 'forward')
  }

  function carry(
    packet: IpPacket,
    { isReset, isOpening }: TcpSegment,
    entry: NatEntry | undefined,
    way: 'forward' | 'back',
  ): void {
    if (entry === undefined) {
      counting.drop(isOpening ? 'table_full' : 'unknown_connection')
      const reset = printReset(packet)
      if (reset !== undefined) write(reset)
      return
    }
    rewriteTcp(packet, entry[way])
    write(packet.frame)
    if (isReset) table.closed(entry)
  }

  /** The connection of a program's segment; one that opens a connection makes it known. */
  function entryOf(packet: IpPacket, segment: TcpSegment): NatEntry | undefined {
    const key = keyOf(packet, PORTS_OCTETS)
    const known = table.find(key)
    const isNew = segment.isOpening && (known === undefined || known.state === 'closing')
    return isNew ? enter(packet, segment, key) : known
  }

  function enter(packet: IpPacket, segment: TcpSegment, key: string): NatEntry | undefined {
    const pair = pairs.find(({ own }) => own.version === packet.version)
    if (pair === undefined) return undefined
    const { sourcePort, destinationPort } = segment
    const toUs = Buffer.concat([pair.peer.bytes, pair.own.bytes])
    const back = tcpPath(answerAddresses(packet), destinationPort, sourcePort)
    const pathsFor = (port: number) => ({ forward: tcpPath(toUs, port, listeners.port), back })
    const entry = table.add(key, pathsFor, () => counting.drop('half_open'))
    const destination = { address: destinationOf(packet), port: destinationPort }
    if (entry !== undefined) destinations.set(entry, destination)
    return entry
  }

  function isPeer({ remoteAddress }: Socket): boolean {
    return pairs.some(({ peer }) => formatAddress(peer) === remoteAddress)
  }

  function isPeerAddress(address: IpAddress): boolean {
    return pairs.some(({ peer }) => equalAddresses(peer, address))
  }

  return {
    redirectPort: undefined,
    onPacket,
    close: () => listeners.close(),
    selfTest: () => {
      const served = pairs.filter(({ own }) => listeners.hosts.includes(formatAddress(own)))
      return selfTest(served, listeners.port, options.deviceName)
    },
  }
}

/** The address after the own one: both are in the prefix that is on the device. */
function peerOf({ bytes }: IpAddress): IpAddress {
  const next = Uint8Array.from(bytes)
  next[next.length - 1] = (next.at(-1) ?? 0) + 1
  return addressFromBytes(next)
}

/** A firewall that drops what comes in drops connections from the peer: they are new, and come in on the device. */
async function selfTest(
  pairs: readonly Pair[],
  port: number,
  deviceName: string,
): Promise<string | undefined> {
  for (const { own, peer } of pairs) {
    const host = formatAddress(peer)
    if (await connects({ host, port, localAddress: formatAddress(own) })) continue
    const rule = `iptables -I INPUT -i ${deviceName} -s ${host} -p tcp -j ACCEPT`
    const command = peer.version === 6 ? rule.replace('iptables', 'ip6tables') : rule
    return `a firewall of this machine drops what comes in on ${deviceName}; allow it: ${command}`
  }
  return undefined
}

/** @param to from the own address: routes lead nothing else of this process to the device. */
function connects(to: TcpSocketConnectOpts): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ ...to, timeout: SELF_TEST_MS })
    const end = (works: boolean): void => {
      socket.destroy()
      resolve(works)
    }
    socket.on('connect', () => end(true))
    socket.on('timeout', () => end(false))
    socket.on('error', () => end(false))
  })
}
