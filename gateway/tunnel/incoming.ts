/**
 * What the tunnel listener hands on: flows, control streams and small posts, whichever HTTP version they came in.
 */
import type { Duplex } from 'node:stream'
import type { Transport } from '#lib/net/flow-endpoint'
import type { Result } from '#lib/result'
import type { FlowClaims } from '#lib/tunnel/tunnel-connection'
import { parseFieldList } from '#lib/wire/structured-field'
import type { Device } from '../store/store.ts'
import type { AdmissionError } from './admission.ts'
import type { LeafIdentity } from './leaf-certificate.ts'
import type { WireRefusal } from './refusal.ts'

/** The device at the other end of one connection. */
export type TunnelPeer = {
  readonly leaf: LeafIdentity
  /** Canonical text. */
  readonly sourceAddress: string
  /** Of that address, ISO 3166-1 alpha-2, where one is known. */
  readonly country?: string
  /** The device's registration as it stands now, or why it may not go on; to be asked for each flow. */
  readonly admitted: () => Result<Device, AdmissionError>
}

/** A CONNECT that waits for its verdict. Exactly one of `accept` and `refuse` may be called, and once. */
export interface IncomingFlow {
  readonly peer: TunnelPeer
  /** The request target as sent, unchecked: `host:port`, or with `icmp` a host. */
  readonly authority: string
  /** Other than over `tcp` the stream carries capsules (`lib/tunnel/capsule.ts`) both ways. */
  readonly transport: Transport
  readonly claims: FlowClaims
  /** Answers 200. The stream carries payload both ways and keeps half-close. Undefined when the peer left. */
  accept(): Duplex | undefined
  refuse(refusal: WireRefusal): void
  /**
   * Takes in what the peer sends before its answer. Above `EARLY_LIMIT` octets calls `onOver`, once.
   * @returns what puts it back: to be called before `accept`.
   */
  takeEarly(onOver: () => void): () => void
  /** Ends the flow at once, before or after the verdict; queued data is dropped. */
  reset(): void
  /** Calls `listener` once when the peer gave the flow up or its connection died; at once if it is gone already. */
  onGone(listener: () => void): void
}

/** Answers a POST of at most 64 KiB. */
export type PostHandler = (
  peer: TunnelPeer,
  body: string,
) => Promise<{ readonly status: number; readonly body: string }>

/** Takers of what comes in. None may throw or reject. */
export type TunnelHandlers = {
  readonly onFlow: (flow: IncomingFlow) => void
  /** A control stream, answered 200 already. */
  readonly onControl: (peer: TunnelPeer, stream: Duplex) => void
  /** By path: `/renew`. */
  readonly posts: ReadonlyMap<string, PostHandler>
}

/** One connection that was let in. */
export interface TunnelLink {
  /** Tells the peer why, and closes at once with all its flows. */
  close(reason: string): void
  /** Takes no new flow; open ones go on. */
  drain(): void
}

/** Header that carries the daemon's claims about a flow: `flow; process="curl"; correlation="1f"`. */
export const CLAIMS_HEADER = 'zt-flow'
/** Longest body of a post, octets. */
export const BODY_LIMIT = 64 * 1024
/** Longest claim that is kept, characters. */
const CLAIM_LIMIT = 128

/** Reads the claims; what does not parse is no claim. */
export function readClaims(header: string | undefined): FlowClaims {
  const list = parseFieldList(header ?? '')
  const parameters = list.ok ? list.value[0]?.parameters : undefined
  const process = parameters?.get('process')?.slice(0, CLAIM_LIMIT)
  const correlationId = parameters?.get('correlation')?.slice(0, CLAIM_LIMIT)
  return {
    ...(process === undefined ? {} : { process }),
    ...(correlationId === undefined ? {} : { correlationId }),
  }
}
