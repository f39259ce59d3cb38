/**
 * What `zt status` shows, put together from what is known. Pure; says `connected` only for data that passed (T108).
 */
import type { DaemonStatus, PostureStatus } from '#lib/api/control-api'
import type { DeviceSettings } from '#lib/wire/control-message'
import type { LocalReason } from './listen/refusal.ts'
import type { RouteSettings } from './route.ts'
import type { TunnelStatus } from './tunnel/tunnel.ts'
import type { WitnessStatus } from './witness/witness-job.ts'

/** The registration's part; nothing secret. */
export type RegisteredFacts = {
  readonly loginUrl: string
  /** Whose the device is: a person's, or a service's. */
  readonly userEmail?: string
  readonly service?: DeviceSettings['service']
  readonly deviceId: string
  readonly certificateNotAfterMs: number
}

export type StatusFacts = {
  readonly version: string
  readonly nowMs: number
  readonly registered?: RegisteredFacts
  readonly tunnel?: TunnelStatus
  /** Why the certificate is not being renewed, when that failed last. */
  readonly renewalReason?: string
  readonly proxyPort: number
  readonly refusedOtherUsers: number
  readonly settings?: RouteSettings
  readonly sshHostAuthorities: readonly string[]
  readonly posture: readonly PostureStatus[]
  readonly prompts: DaemonStatus['prompts']
  readonly transparent?: DaemonStatus['transparent']
  /** The gateway's audit log as this device has seen it. */
  readonly witness?: WitnessStatus
}

/** A connection that was silent for longer carries nothing: the tunnel's own bound for noticing. */
const SILENCE_LIMIT_MS = 10_000

/** Assembles the status. */
export function statusOf(facts: StatusFacts): DaemonStatus {
  const { registered, tunnel, settings } = facts
  const { state, reason } = stateOf(facts)
  const heardAtMs = tunnel?.lastHeardAtMs
  return {
    version: facts.version,
    state,
    ...(reason === undefined ? {} : { reason }),
    ...(registered === undefined
      ? {}
      : {
          gatewayUrl: registered.loginUrl,
          ...ownerOf(registered),
          deviceId: registered.deviceId,
          certificateNotAfter: new Date(registered.certificateNotAfterMs).toISOString(),
        }),
    connections: tunnel?.connections ?? 0,
    openFlows: tunnel?.openFlows ?? 0,
    ...(heardAtMs === undefined ? {} : { lastHeardAt: new Date(heardAtMs).toISOString() }),
    proxy: {
      host: '127.0.0.1',
      port: facts.proxyPort,
      pacUrl: `http://127.0.0.1:${facts.proxyPort}/proxy.pac`,
    },
    refusedOtherUsers: facts.refusedOtherUsers,
    domains: settings?.domains ?? [],
    prefixes: settings?.prefixes ?? [],
    sshHostAuthorities: facts.sshHostAuthorities,
    posture: facts.posture,
    prompts: facts.prompts,
    ...(facts.transparent && { transparent: facts.transparent }),
    ...(facts.witness && { auditLog: auditLogOf(facts.witness) }),
  }
}

function auditLogOf({ size, atMs, alarm }: WitnessStatus): NonNullable<DaemonStatus['auditLog']> {
  const time = (ms: number) => new Date(ms).toISOString()
  return {
    entries: size,
    signedAt: time(atMs),
    ...(alarm && { alarm: { reason: alarm.reason, at: time(alarm.atMs) } }),
  }
}

function ownerOf({
  userEmail,
  service,
}: RegisteredFacts): Pick<DaemonStatus, 'userEmail' | 'service'> {
  if (service === undefined) return userEmail === undefined ? {} : { userEmail }
  const { name, expiresAtMs } = service
  const end = expiresAtMs !== undefined && { expiresAt: new Date(expiresAtMs).toISOString() }
  return { service: { name, ...end } }
}

/** Why a flow that is ours cannot go now; undefined when the tunnel may be tried. */
export function refusalOf({ state }: Pick<DaemonStatus, 'state'>): LocalReason | undefined {
  switch (state) {
    case 'connected':
      return undefined
    case 'not_enrolled':
    case 'down':
    case 'certificate_expired':
      return state
    case 'revoked':
      return 'device_revoked'
    case 'connecting':
    case 'unreachable':
      return 'gateway_unreachable'
  }
}

type State = Pick<DaemonStatus, 'state' | 'reason'>

function stateOf({ registered, tunnel, nowMs, renewalReason }: StatusFacts): State {
  if (registered === undefined || tunnel === undefined) return { state: 'not_enrolled' }
  const heardAgoMs = nowMs - (tunnel.lastHeardAtMs ?? 0)
  if (tunnel.state === 'connected' && heardAgoMs > SILENCE_LIMIT_MS) {
    return { state: 'unreachable', reason: 'gateway_silent' }
  }
  const reason = tunnel.reason ?? renewalReason
  return reason === undefined ? { state: tunnel.state } : { state: tunnel.state, reason }
}
