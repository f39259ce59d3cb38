/** What the engine asks of the rest of the daemon, and what it tells. Types only. */

import type { Log } from '#lib/log'
import type { IpAddress } from '#lib/net/address'
import type { Result } from '#lib/result'
import type { FlowClaims, FlowRefusal, FlowTarget, OnGone } from '#lib/tunnel/tunnel-connection'
import type { OpenFlow } from '../listen/open-flow.ts'

/** One datagram exchange after the gateway's verdict. Datagrams may be lost, are never split. */
export type DatagramFlow = {
  /** Sends one payload, at most 65,507 octets; it must not change afterwards. */
  send(payload: Uint8Array): void
  /** Takes datagrams that arrive; a view is valid during the call only. */
  onDatagram(listener: (payload: Uint8Array) => void): void
  close(): void
  /** Settles once. */
  readonly closed: Promise<{ readonly reason: string }>
}

/** Opens a datagram flow; resolves after the verdict, never rejects. Port 0 with `icmp`. */
export type OpenDatagrams = (
  transport: 'udp' | 'icmp',
  target: FlowTarget,
  claims: FlowClaims,
  onGone?: OnGone,
) => Promise<Result<DatagramFlow, FlowRefusal>>

/** Answers one DNS message; undefined when nothing sensible can be said. Never rejects. */
export type AnswerQuery = (query: Uint8Array, via: 'udp' | 'tcp') => Promise<Uint8Array | undefined>

export type InterceptDeps = {
  /** The destination behind an original address: a name for a synthetic one, else the literal; undefined: refuse. */
  readonly targetOf: (address: IpAddress, port: number) => FlowTarget | undefined
  readonly openFlow: OpenFlow
  readonly openDatagrams: OpenDatagrams
  /** DNS that is sent to `resolverAddresses`, port 53. */
  readonly answerQuery: AnswerQuery
  readonly resolverAddresses: readonly IpAddress[]
  readonly log: Log
}
