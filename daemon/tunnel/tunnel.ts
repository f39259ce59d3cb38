/**
 * The tunnel as the rest of the daemon sees it: flows, questions to the gateway, and its state.
 * Made by `createTunnelClient` in ./tunnel-client.ts; the transitions between states are in ./tunnel-state.ts.
 */
import type { Duplex } from 'node:stream'
import type { Moment } from '#lib/moment'
import type { Result } from '#lib/result'
import type {
  FlowClaims,
  FlowRefusal,
  FlowTarget,
  OnGone,
  TunnelConnection,
} from '#lib/tunnel/tunnel-connection'
import type {
  DeviceSettings,
  ExplainTarget,
  Explanation,
  VisibleApplication,
} from '#lib/wire/control-message'
import type { PostureObservation, PostureResult } from '#lib/wire/posture-message'
import type { PromptEnd, PromptNotice } from '#lib/wire/prompt-message'

/** What proves this device, and what proves the gateway. All PEM, in memory. */
export type TunnelCredentials = {
  /** Private key of the device, PKCS#8. */
  readonly key: string
  /** Certificate of the device. */
  readonly certificate: string
  /** The pinned gateway CA: nothing else may vouch for the gateway. */
  readonly gatewayCa: string
}

/** Where a TCP connection leads to. */
export type TcpEndpoint = { readonly host: string; readonly port: number }

/**
 * Opens the tunnel's own TCP connection; TLS is spoken over what it returns.
 * @throws {Error} when the gateway, or the proxy in between, cannot be reached.
 */
export type DialTcp = (to: TcpEndpoint, signal: AbortSignal) => Promise<Duplex>

/** States of the tunnel; the words of `zt status`. */
export type TunnelStateName =
  | 'down'
  | 'connecting'
  | 'connected'
  | 'unreachable'
  | 'revoked'
  | 'certificate_expired'

/** The tunnel now. `connected` implies that the gateway was heard within the last 10 s. */
export type TunnelStatus = {
  readonly state: TunnelStateName
  readonly since: Moment
  /** Why it is not connected: a stable code such as `connection_refused` or `ping_timeout`. */
  readonly reason?: string
  /** Connections that are warm. */
  readonly connections: number
  readonly openFlows: number
  /** When a byte or a PING answer last arrived. */
  readonly lastHeard?: Moment
  /** From the gateway's welcome; kept while it is unreachable. */
  readonly deviceId?: string
  readonly userEmail?: string
}

/** What the gateway said unasked. */
export type TunnelNotice = { readonly reason: string; readonly sentence: string }

/** Calls out of the tunnel; none may throw. */
export type TunnelEvents = {
  /** After each change of state, reason or number of connections. */
  readonly onStatus: (status: TunnelStatus) => void
  /** On each welcome and whenever the gateway's settings change. */
  readonly onSettings: (settings: DeviceSettings) => void
  readonly onNotice: (notice: TunnelNotice) => void
  /** A control stream was opened; what waits for the user is told anew after it. */
  readonly onWelcome: () => void
  readonly onPrompt: (prompt: PromptNotice) => void
  readonly onPromptEnded: (end: PromptEnd) => void
  /** Flows ended since their connection is dead. */
  readonly onFlowsLost: (lost: { readonly reason: string; readonly flows: number }) => void
  /** A checkpoint of the gateway's audit log. */
  readonly onCheckpoint: (checkpoint: string) => void
}

/** Why the gateway gave no answer to a question: `not_connected`, `timeout`, `connection_lost`, `unsupported`. */
export type AskError = { readonly reason: string }

/** The device's end of the tunnel. */
export interface TunnelClient {
  /** Connects, and keeps connecting until `stop`. */
  start(): void
  /** Drains the connections to a deadline (default 5 s) and closes; `start` may follow. */
  stop(deadlineMs?: number): Promise<void>
  /** Opens one flow on the least loaded connection; `not_connected` (status 503) when there is none. */
  openFlow(
    target: FlowTarget,
    claims: FlowClaims,
    onGone?: OnGone,
  ): Promise<Result<Duplex, FlowRefusal>>
  /** The same for datagrams; `transport_unsupported` for what the gateway does not carry. */
  readonly openDatagrams: TunnelConnection['openDatagrams']
  /** What the gateway would decide, with its trace. */
  explain(to: ExplainTarget): Promise<Result<Explanation, AskError>>
  /** Applications this user may see. */
  applications(): Promise<Result<readonly VisibleApplication[], AskError>>
  /** Tells what this device found of itself, in one message. */
  reportPosture(
    observations: readonly PostureObservation[],
  ): Promise<Result<readonly PostureResult[], AskError>>
  /** Hashes that show the audit log of `to` lines to begin with that of `from`. */
  auditProof(from: number, to: number): Promise<Result<readonly string[], AskError>>
  /** Sends a JSON body to a path of the tunnel listener (`/renew`); the answer's body is JSON text, at most 64 KiB. */
  post(path: string, body: string): Promise<Result<PostAnswer, AskError>>
  /** Uses new credentials: opens new connections with them, then drains the old ones. */
  updateCredentials(credentials: TunnelCredentials): void
  /** To be called after a sleep, and when this machine is in another network: trusts nothing and waits for nothing. */
  networkChanged(): void
  readonly status: TunnelStatus
}

/** Answer to `post`. */
export type PostAnswer = { readonly status: number; readonly body: string }

/** What `createTunnelClient` takes. */
export type TunnelClientOptions = {
  readonly gateway: TcpEndpoint
  readonly credentials: TunnelCredentials
  readonly events: TunnelEvents
  /** An upstream proxy comes in here. */
  readonly dial: DialTcp
  /** Warm connections to keep; default 2. */
  readonly connections?: number
}
