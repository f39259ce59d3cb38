/**
 * The tunnel as its users see it; framing (node:http2 first, our own later) stays behind it.
 * One connection is one mTLS session between a device and a gateway.
 */
import type { Duplex } from 'node:stream'
import type { Moment } from '#lib/moment'
import type { Transport } from '#lib/net/flow-endpoint'
import type { Result } from '#lib/result'
import type { DatagramFlow } from './datagram-flow.ts'

/** Where a flow wants to go, exactly as the program said it: a host name or an IP literal. */
export type FlowTarget = {
  readonly host: string
  /** 1-65535; 0 with ICMP. */
  readonly port: number
}

/** What the daemon says about a flow. Claims are logged, never authorising (identity is the leaf certificate's). */
export type FlowClaims = {
  /** Name of the program that opened the flow. */
  readonly process?: string
  /** Joins the daemon's log line to the gateway's record. */
  readonly correlationId?: string
}

/** Why the gateway did not carry a flow; `reason` is a stable code that `zt explain` repeats. */
export type FlowRefusal = {
  /** HTTP status of the CONNECT answer (RFC 9110 section 9.3.6): 403, 407, 502, 503 or 504; 503 without a tunnel. */
  readonly status: number
  /** Stable snake_case code from `Proxy-Status` (RFC 9209). */
  readonly reason: string
  /** A sentence for a person; no secret, no internal address. */
  readonly detail?: string
}

/** Takes what to do when whoever asked for a flow does not wait for it any more. */
export type OnGone = (giveUp: () => void) => void

/** Transports of datagrams. */
export type DatagramTransport = Exclude<Transport, 'tcp'>

/** The device's end of a tunnel connection. */
export interface TunnelConnection {
  /** Opens one TCP flow. The stream carries payload only after the gateway's verdict. */
  openFlow(
    target: FlowTarget,
    claims: FlowClaims,
    onGone?: OnGone,
  ): Promise<Result<Duplex, FlowRefusal>>
  /** Opens one flow of datagrams; `transport_unsupported` for what this gateway does not carry. */
  openDatagrams(
    transport: DatagramTransport,
    target: FlowTarget,
    claims: FlowClaims,
    onGone?: OnGone,
  ): Promise<Result<DatagramFlow, FlowRefusal>>
  /** Opens the control stream (JSON lines both ways); a second one closes the first. */
  openControl(): Promise<Duplex>
  /** Sends a JSON body to a path of the tunnel listener; an answer over 64 KiB fails. */
  post(path: string, body: string): Promise<{ readonly status: number; readonly body: string }>
  /** Flows now open, for placement of the next one. */
  readonly openFlows: number
  /** False once the peer drained (GOAWAY), a PING went unanswered, or the socket closed. */
  readonly usable: boolean
  /** Settles when `usable` turns false, with the reason; flows that are open may go on. */
  readonly unusable: Promise<{ readonly reason: string }>
  /** When a byte or a PING answer last arrived. */
  readonly lastHeard: Moment
  /** Asks for an answer now; false when none came within `withinMs`. The connection stays as it is. */
  probe(withinMs: number): Promise<boolean>
  /** Accepts no new flow, lets open ones end, then closes; at `deadlineMs` from now it closes all the same. */
  drain(deadlineMs: number): Promise<void>
  /** Settles when the connection is gone, with the reason, and how many flows ended with it. */
  readonly closed: Promise<{ readonly reason: string; readonly flows: number }>
}
