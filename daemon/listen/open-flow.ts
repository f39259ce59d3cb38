/**
 * The questions that the proxy port asks the rest of the daemon. Types only.
 */
import type { Duplex } from 'node:stream'
import type { Result } from '#lib/result'
import type { DatagramFlow } from '#lib/tunnel/datagram-flow'
import type { FlowClaims, FlowRefusal, FlowTarget, OnGone } from '#lib/tunnel/tunnel-connection'

/** Opens a flow whichever way it goes; resolves after the verdict, or after its client has gone. Never rejects. */
export type OpenFlow = (
  target: FlowTarget,
  claims: FlowClaims,
  onGone?: OnGone,
) => Promise<Result<Duplex, FlowRefusal>>

/** The same for datagrams; with `icmp` the port is 0. Never rejects. */
export type OpenDatagrams = (
  transport: 'udp' | 'icmp',
  target: FlowTarget,
  claims: FlowClaims,
  onGone?: OnGone,
) => Promise<Result<DatagramFlow, FlowRefusal>>

/** Whatever a program wants to open. */
export type Openers = { readonly openFlow: OpenFlow; readonly openDatagrams: OpenDatagrams }
