/**
 * Connections that a firewall rule redirects to us (`oifname zt0 … redirect to :PORT`): the kernel gives packets that
 * this machine sends the loopback address, and connection tracking remembers where they were going.
 */
import { equalAddresses, formatAddress, parseAddress } from '#lib/net/address'
import type { Counting } from './intercept-counters.ts'
import { type Listeners, listenOnAll } from './listeners-server.ts'
import type { Destination, OriginalDestination } from './original-destination-os.ts'
import type { TcpFlows } from './tcp-flows-server.ts'
import { printReset } from './tcp-segment.ts'
import type { TcpWay } from './tcp-way.ts'

const LOOPBACK = ['127.0.0.1', '::1']

/** @throws {Error} when 127.0.0.1 cannot be listened on. */
export async function startRedirect(
  flows: TcpFlows,
  original: OriginalDestination,
  { counting, write }: { readonly counting: Counting; readonly write: (frame: Buffer) => void },
): Promise<TcpWay> {
  const listeners: Listeners = await listenOnAll(LOOPBACK, (client) => {
    const destination = original(client)
    const isRedirected = destination !== undefined && !isListener(destination, listeners)
    flows.accept(client, isRedirected ? destination : undefined)
  })
  return {
    redirectPort: listeners.port,
    // The rule takes every connection away from the device: this one began before it was there, or somebody removed it.
    onPacket: (packet) => {
      counting.drop('unknown_connection')
      const reset = printReset(packet)
      if (reset !== undefined) write(reset)
    },
    close: () => listeners.close(),
  }
}

/** Connection tracking knows connections that nobody redirected, too. */
function isListener({ address, port }: Destination, listeners: Listeners): boolean {
  return port === listeners.port && isLoopback(formatAddress(address), address)
}

function isLoopback(text: string, address: Destination['address']): boolean {
  if (address.version === 4) return text.startsWith('127.')
  const loopback = parseAddress('::1')
  return loopback.ok && equalAddresses(loopback.value, address)
}
