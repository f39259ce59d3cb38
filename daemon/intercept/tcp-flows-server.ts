/** Connections of programs, accepted by the kernel on their way to somewhere else: asks for the flow, joins, or resets. */
import type { Socket } from 'node:net'
import { equalAddresses } from '#lib/net/address'
import { resetSocket } from '#lib/net/reset-socket-os'
import { serveDnsConnection } from '../dns/dns-connection-server.ts'
import { watchGone } from '../listen/client-gone-server.ts'
import { splice } from '../listen/splice-os.ts'
import type { Counting, DropReason } from './intercept-counters.ts'
import type { InterceptDeps } from './intercept-deps.ts'
import type { Destination } from './original-destination-os.ts'

/** What both ways of getting connections do with them. */
export interface TcpFlows {
  /** Takes a paused connection, and its destination as far as it is known. */
  accept(client: Socket, destination: Destination | undefined): void
  /** Refuses a connection: its program sees a reset. */
  refuse(client: Socket, reason: DropReason): void
  /** Resets all. */
  close(): void
}

/** Connections at once, those that wait for a verdict included. */
const FLOW_LIMIT = 16_384
/** Connections that wait for a verdict; held ones wait for a person. */
const PENDING_LIMIT = 2048
const DNS_PORT = 53
/** Programs on this machine vanish with a word; what is forwarded may not. */
const KEEP_ALIVE_MS = 60_000

export function createTcpFlows(deps: InterceptDeps, counting: Counting): TcpFlows {
  const clients = new Set<Socket>()
  let pending = 0

  function accept(client: Socket, destination: Destination | undefined): void {
    client.on('error', () => client.destroy())
    if (destination === undefined) {
      refuse(client, 'direct_connection')
      return
    }
    if (clients.size >= FLOW_LIMIT || pending >= PENDING_LIMIT) {
      refuse(client, 'table_full')
      return
    }
    clients.add(client)
    counting.open.tcp = clients.size
    client.once('close', () => {
      clients.delete(client)
      counting.open.tcp = clients.size
    })
    if (isResolver(destination)) serveDnsConnection(client, deps.answerQuery)
    else void carry(client, destination)
  }

  async function carry(client: Socket, { address, port }: Destination): Promise<void> {
    const target = deps.targetOf(address, port)
    if (target === undefined) return refuse(client, 'unknown_destination')
    client.setKeepAlive(true, KEEP_ALIVE_MS)
    const { onGone, stop } = watchGone(client)
    pending++
    const flow = await deps.openFlow(target, {}, onGone)
    pending--
    stop()
    if (flow.ok) return splice(client, flow.value)
    deps.log.info({ ...target, reason: flow.error.reason }, 'connection refused')
    refuse(client, 'refused')
  }

  function refuse(client: Socket, reason: DropReason): void {
    counting.drop(reason)
    client.on('error', () => client.destroy())
    resetSocket(client)
  }

  function isResolver({ address, port }: Destination): boolean {
    return port === DNS_PORT && deps.resolverAddresses.some((own) => equalAddresses(own, address))
  }

  return {
    accept,
    refuse,
    close: () => {
      for (const client of clients) resetSocket(client)
    },
  }
}
