/**
 * What follows from a registration and the state of its tunnel: facts for a status, routes, how flows go. Pure.
 */
import type { DeviceSettings } from '#lib/wire/control-message'
import { type Registration, validityOf } from './enrol/registration.ts'
import type { RenewalJob } from './enrol/renewal-job.ts'
import type { FlowState } from './flow-client.ts'
import { parseAuthority } from './listen/target.ts'
import type { PostureJob } from './posture/posture-job.ts'
import { compileRoutes, type LocalRoutes, type Routes } from './route.ts'
import { refusalOf, type StatusFacts } from './status.ts'
import type { TcpEndpoint, TunnelClient, TunnelCredentials, TunnelStatus } from './tunnel/tunnel.ts'

const HTTPS_PORT = 443

/** What this machine adds to the gateway's settings. */
export type OwnSettings = {
  readonly refuseOthers: boolean
  /** Our own ports; asked when routes are made. */
  readonly ownPorts: () => readonly number[]
}

/** What is known of the device for a status. */
export type DeviceFacts = Pick<
  StatusFacts,
  | 'registered'
  | 'tunnel'
  | 'renewalReason'
  | 'settings'
  | 'sshHostAuthorities'
  | 'posture'
  | 'lock'
  | 'witness'
>

/** What exists while the device is enrolled. */
export type Life = {
  readonly registration: Registration
  readonly tunnel: TunnelClient
  readonly renewal: RenewalJob
  readonly posture: PostureJob
  readonly routes?: Routes
  readonly renewalReason?: string
}

/** Facts for a status; nothing secret. */
export function factsOf(life: Life | undefined): DeviceFacts {
  if (life === undefined) return { sshHostAuthorities: [], posture: [] }
  const { registration, tunnel, routes, renewalReason, posture } = life
  return {
    registered: {
      loginUrl: registration.loginUrl,
      ...(registration.userEmail !== undefined && { userEmail: registration.userEmail }),
      ...(registration.settings?.service !== undefined && {
        service: registration.settings.service,
      }),
      deviceId: registration.deviceId,
      certificateNotAfterMs: validityOf(registration.certificate).notAfterMs,
    },
    tunnel: tunnel.status,
    ...(renewalReason === undefined ? {} : { renewalReason }),
    ...(routes === undefined ? {} : { settings: routes.settings }),
    sshHostAuthorities: registration.settings?.sshHostAuthorities ?? [],
    posture: posture.checks,
  }
}

/** Connecting, or connected without having heard what is ours, or without having told what the gateway wants to know. */
export function isSettling(life: Life | undefined): boolean {
  return life !== undefined && settlesFrom(life, life.tunnel.status)
}

function settlesFrom({ routes, posture }: Life, { state }: TunnelStatus): boolean {
  const knowsAll = routes !== undefined && !posture.isSettling
  return state === 'connecting' || (state === 'connected' && !knowsAll)
}

/** How flows go now. */
export function flowStateOf(life: Life | undefined): FlowState {
  if (life === undefined) return { isSettling: false, reason: 'not_enrolled' }
  const { status } = life.tunnel
  const known = { isSettling: settlesFrom(life, status) }
  const refusal = refusalOf(status)
  if (life.routes === undefined) return { ...known, reason: refusal ?? 'gateway_unreachable' }
  return { ...known, routes: life.routes, tunnel: refusal ?? life.tunnel }
}

/** Routes from the last settings of the gateway; none before the first. */
export function routesOf(
  registration: Registration,
  { ownPorts, refuseOthers }: OwnSettings,
): { routes?: Routes } {
  if (registration.settings === undefined) return {}
  const local: LocalRoutes = {
    gateway: [gatewayOf(registration), endpointOf(registration.loginUrl)],
    ownPorts: ownPorts(),
    refuseOthers,
  }
  return { routes: compileRoutes(registration.settings, local) }
}

/** The tunnel listener. */
export function gatewayOf({ tunnelUrl }: Registration): TcpEndpoint {
  return endpointOf(tunnelUrl)
}

/** @throws {Error} for a URL without a host, which no gateway sends. */
function endpointOf(url: string): TcpEndpoint {
  const target = parseAuthority(new URL(url).host, HTTPS_PORT)
  if (!target.ok) throw new Error('The registration names no gateway.')
  return target.value
}

/** What the tunnel is opened with. */
export function credentialsOf({ key, certificate, gatewayCa }: Registration): TunnelCredentials {
  return { key, certificate, gatewayCa }
}

/** Settings as they are kept. */
export function copyOf(settings: DeviceSettings): NonNullable<Registration['settings']> {
  return {
    domains: [...settings.domains],
    prefixes: [...settings.prefixes],
    others: settings.others,
    sshHostAuthorities: [...settings.sshHostAuthorities],
    ...(settings.service !== undefined && { service: settings.service }),
    ...(settings.synthetic !== undefined && { synthetic: settings.synthetic }),
    ...(settings.lockdown !== undefined && { lockdown: settings.lockdown }),
    ...(settings.lock !== undefined && { lock: settings.lock }),
    ...(settings.captivePortalMs !== undefined && { captivePortalMs: settings.captivePortalMs }),
  }
}
