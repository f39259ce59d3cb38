/**
 * What `zt status` shows, put together from what is known. Pure; says `connected` only for data that passed (T108).
 */
import type { DaemonStatus, PortalStatus, PostureStatus } from '#lib/api/control-api'
import { elapsedMs, type Moment } from '#lib/moment'
import type { DeviceSettings } from '#lib/wire/control-message'
import type { Lock } from './life/lock-job.ts'
import type { PortalFacts } from './life/portal-job.ts'
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
  readonly now: Moment
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
  readonly lock?: Pick<Lock, 'holds' | 'liftedUntilMs'>
  readonly portal?: PortalFacts
  readonly transparent?: DaemonStatus['transparent']
  /** The gateway's audit log as this device has seen it. */
  readonly witness?: WitnessStatus
}

/** A connection that was silent for longer carries nothing: the tunnel's own bound for noticing. */
const SILENCE_LIMIT_MS = 10_000

/** Assembles the status. */
export function statusOf(facts: StatusFacts): DaemonStatus {
  const { registered, tunnel, settings } = facts
  const { state, reason, since } = stateOf(facts)
  const wallTime = (moment: Moment): string =>
    new Date(facts.now.wallMs - elapsedMs(moment, facts.now)).toISOString()
  return {
    version: facts.version,
    state,
    ...(since === undefined ? {} : { since: wallTime(since) }),
    ...(reason === undefined ? {} : { reason }),
    ...(registered === undefined
      ? {}
      : {
          gatewayUrl: registered.loginUrl,
          ...ownerOf(registered),
          deviceId: registered.deviceId,
          certificateNotAfter: new Date(registered.certificateNotAfterMs).toISOString(),
        }),
    ...lockOf(facts.lock),
    ...(facts.portal && { portal: portalStatus(facts.portal) }),
    connections: tunnel?.connections ?? 0,
    openFlows: tunnel?.openFlows ?? 0,
    ...(tunnel?.lastHeard === undefined ? {} : { lastHeardAt: wallTime(tunnel.lastHeard) }),
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

function lockOf(lock: StatusFacts['lock']): Pick<DaemonStatus, 'lock'> {
  if (lock?.liftedUntilMs !== undefined) {
    return { lock: { liftedUntil: new Date(lock.liftedUntilMs).toISOString() } }
  }
  return lock?.holds ? { lock: {} } : {}
}

function portalStatus({
  portal: { host },
  isBlocked,
  obstacle,
  openUntilMs,
}: PortalFacts): PortalStatus {
  if (openUntilMs !== undefined) {
    return { host, state: 'open', openUntil: new Date(openUntilMs).toISOString() }
  }
  if (!isBlocked) return { host, state: 'reachable' }
  return { host, state: 'blocked', ...(obstacle !== undefined && { obstacle }) }
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

type State = Pick<DaemonStatus, 'state' | 'reason'> & { readonly since?: Moment }

function stateOf({ registered, tunnel, now, renewalReason, portal }: StatusFacts): State {
  if (registered === undefined || tunnel === undefined) return { state: 'not_enrolled' }
  const { state, lastHeard } = tunnel
  const isSilent = lastHeard === undefined || elapsedMs(lastHeard, now) > SILENCE_LIMIT_MS
  if (state === 'connected' && isSilent) {
    return { state: 'unreachable', reason: 'gateway_silent', since: lastHeard ?? tunnel.since }
  }
  const reason = portal === undefined ? (tunnel.reason ?? renewalReason) : 'captive_portal'
  return { state, since: tunnel.since, ...(reason !== undefined && { reason }) }
}
