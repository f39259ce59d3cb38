/** The engine of transparent mode: what programs send to private addresses comes out of a TUN device, and goes into flows. */
import type { IpAddress } from '#lib/net/address'
import { createDatagramFlows } from './datagram-flows-client.ts'
import { isIcmp } from './icmp-message.ts'
import { Counting, type InterceptCounters } from './intercept-counters.ts'
import type { InterceptDeps } from './intercept-deps.ts'
import { parsePacket, TCP, UDP } from './ip-packet.ts'
import { originalDestinationLookup } from './original-destination-os.ts'
import { startRedirect } from './redirect-server.ts'
import { createTcpFlows, type TcpFlows } from './tcp-flows-server.ts'
import type { TcpWay } from './tcp-way.ts'
import { startTunNat } from './tun-nat-server.ts'
import type { TunDevice } from './tun-os.ts'

export type InterceptMode = 'redirect' | 'tun-nat'

/**
 * How TCP is taken. `redirect`: a firewall rule brings it to `redirectPort`; start before the rule is set.
 * `tun-nat`: needs no rule, but the device up with these addresses of its own, each the first of a prefix that also
 * holds the next one (/30, /126).
 */
export type InterceptOptions =
  | { readonly mode: 'redirect' }
  | { readonly mode: 'tun-nat'; readonly addresses: readonly IpAddress[] }

export interface Interception {
  readonly mode: InterceptMode
  readonly counters: InterceptCounters
  /** Undefined with `tun-nat`. */
  readonly redirectPort: number | undefined
  /** Why connections will not work on this machine, and what to do about it; for a person. */
  readonly warning: string | undefined
  /** Resets all connections, closes all flows. The device stays: who opened it closes it. */
  close(): Promise<void>
}

/** @throws {Error} when its listener cannot be had. */
export async function startInterception(
  device: TunDevice,
  deps: InterceptDeps,
  options: InterceptOptions,
): Promise<Interception> {
  const counting = new Counting()
  const write = (frame: Buffer): void => {
    if (!device.write(frame)) counting.drop('device_full')
  }
  const tcpFlows = createTcpFlows(deps, counting)
  const datagrams = createDatagramFlows(deps, { counting, write })
  const tcp = await startTcp(device, tcpFlows, { options, counting, write })

  device.onFrame((frame) => {
    counting.packets++
    const packet = parsePacket(frame)
    if (!packet.ok) return counting.drop(packet.error)
    if (packet.value.protocol === TCP) return tcp.onPacket(packet.value)
    if (packet.value.protocol === UDP) return datagrams.onUdp(packet.value)
    if (isIcmp(packet.value)) return datagrams.onEcho(packet.value)
    counting.drop('protocol')
  })
  const warning = await tcp.selfTest?.()
  if (warning !== undefined) deps.log.warn({ reason: 'input_firewall' }, warning)
  return {
    ...{ mode: options.mode, counters: counting, redirectPort: tcp.redirectPort, warning },
    close: async () => {
      device.onFrame(() => undefined)
      datagrams.close()
      tcpFlows.close()
      await tcp.close()
    },
  }
}

type TcpParts = {
  readonly options: InterceptOptions
  readonly counting: Counting
  readonly write: (frame: Buffer) => void
}

async function startTcp(
  device: TunDevice,
  flows: TcpFlows,
  { options, counting, write }: TcpParts,
): Promise<TcpWay> {
  if (options.mode === 'tun-nat') {
    const { addresses } = options
    return startTunNat(flows, { deviceName: device.name, addresses, counting, write })
  }
  const original = originalDestinationLookup()
  if (original === undefined) throw new Error('redirect without koffi')
  return startRedirect(flows, original, { counting, write })
}
