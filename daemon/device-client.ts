/**
 * This device's registration and what lives from it: the tunnel, the routes, the renewal. Each exists exactly while
 * the device is enrolled.
 */
import type { Agent } from 'node:https'
import type { Log } from '#lib/log'
import type { DeviceSettings } from '#lib/wire/control-message'
import type { IdentityStore } from './enrol/identity-store.ts'
import { type Registration, validityOf } from './enrol/registration.ts'
import { type RenewalJob, startRenewal } from './enrol/renewal-job.ts'
import type { FlowState } from './flow-client.ts'
import { parseAuthority } from './listen/target.ts'
import { compileRoutes, type LocalRoutes, type Routes } from './route.ts'
import { refusalOf, type StatusFacts } from './status.ts'
import type {
  DialTcp,
  TcpEndpoint,
  TunnelClient,
  TunnelCredentials,
  TunnelStateName,
} from './tunnel/tunnel.ts'
import { createTunnelClient } from './tunnel/tunnel-client.ts'

export type DeviceOptions = {
  readonly store: IdentityStore
  readonly dial: DialTcp
  readonly agent: Agent
  readonly refuseOthers: boolean
  /** Our own ports; asked when routes are made. */
  readonly ownPorts: () => readonly number[]
  readonly log: Log
}

/** What is known of the device for a status. */
export type DeviceFacts = Pick<
  StatusFacts,
  'registered' | 'tunnel' | 'renewalReason' | 'settings' | 'sshHostAuthorities'
>

export interface Device {
  readonly registration: Registration | undefined
  readonly tunnel: TunnelClient | undefined
  readonly facts: DeviceFacts
  readonly flowState: FlowState
  /** Keeps a registration and lives from it; replaces an earlier one. */
  adopt(registration: Registration): Promise<void>
  /** Forgets key, certificate and settings. */
  forget(): Promise<void>
  up(): void
  down(): Promise<void>
  /** Settles when the tunnel is up and has said what is ours, or is known not to come up, or after `limitMs`. */
  settled(limitMs: number): Promise<void>
  /** Ends the tunnel; the registration stays on disk. */
  close(): Promise<void>
}

/** What exists while the device is enrolled. */
type Life = {
  readonly registration: Registration
  readonly tunnel: TunnelClient
  readonly renewal: RenewalJob
  readonly routes?: Routes
  readonly renewalReason?: string
}

const HTTPS_PORT = 443

/** Makes the device; `adopt` starts it. */
export function createDevice(options: DeviceOptions): Device {
  const { store, log } = options
  let life: Life | undefined
  const waiting = new Set<() => void>()

  function begin(registration: Registration): void {
    const current = (): Registration => life?.registration ?? registration
    let before: TunnelStateName = 'down'
    const tunnel = createTunnelClient({
      gateway: gatewayOf(registration),
      credentials: credentialsOf(registration),
      dial: options.dial,
      events: {
        onStatus: ({ state }) => {
          wakeIfSettled()
          if (state === 'connected' && before !== state) life?.renewal.wake()
          before = state
        },
        onSettings: (settings) => {
          takeSettings(settings)
          wakeIfSettled()
        },
        onNotice: ({ reason }) => log.info({ reason }, 'notice of the gateway'),
      },
    })
    const renewal = startRenewal({
      registration: current,
      tunnel,
      agent: options.agent,
      onReason: (reason) => change(reason === undefined ? {} : { renewalReason: reason }),
      onRenewed: (certificate) => {
        keep({ ...current(), certificate })
        tunnel.updateCredentials(credentialsOf(current()))
      },
      log,
    })
    life = { registration, tunnel, renewal, ...routesOf(registration, options) }
    tunnel.start()
  }

  function wakeIfSettled(): void {
    if (!isSettling(life)) for (const wake of waiting) wake()
  }

  function change(part: Partial<Life>): void {
    if (life === undefined) return
    const { renewalReason: _, ...rest } = life
    life = { ...rest, ...part }
  }

  function keep(registration: Registration): void {
    change({ registration, ...routesOf(registration, options) })
    try {
      store.save(registration)
    } catch (error) {
      // A full disk must not end the tunnel: what is in memory goes on.
      log.error({ error: String(error) }, 'registration not saved')
    }
  }

  function takeSettings(settings: DeviceSettings): void {
    if (life === undefined) return
    keep({ ...life.registration, settings: copyOf(settings) })
    const { domains, prefixes } = settings
    log.info({ domains: domains.length, prefixes: prefixes.length }, 'settings taken')
  }

  async function end(): Promise<void> {
    const ending = life
    life = undefined
    ending?.renewal.stop()
    await ending?.tunnel.stop()
  }

  return {
    get registration() {
      return life?.registration
    },
    get tunnel() {
      return life?.tunnel
    },
    get facts() {
      return factsOf(life)
    },
    get flowState() {
      return flowStateOf(life)
    },
    async adopt(registration) {
      store.save(registration)
      await end()
      begin(registration)
    },
    async forget() {
      store.forget()
      await end()
    },
    up: () => life?.tunnel.start(),
    down: async () => life?.tunnel.stop(),
    settled(limitMs) {
      return new Promise((resolve) => {
        const timer = setTimeout(done, limitMs)
        function done(): void {
          clearTimeout(timer)
          waiting.delete(done)
          resolve()
        }
        waiting.add(done)
        if (!isSettling(life)) done()
      })
    },
    close: end,
  }
}

function factsOf(life: Life | undefined): DeviceFacts {
  if (life === undefined) return { sshHostAuthorities: [] }
  const { registration, tunnel, routes, renewalReason } = life
  return {
    registered: {
      loginUrl: registration.loginUrl,
      userEmail: registration.userEmail,
      deviceId: registration.deviceId,
      certificateNotAfterMs: validityOf(registration.certificate).notAfterMs,
    },
    tunnel: tunnel.status,
    ...(renewalReason === undefined ? {} : { renewalReason }),
    ...(routes === undefined ? {} : { settings: routes.settings }),
    sshHostAuthorities: registration.settings?.sshHostAuthorities ?? [],
  }
}

/** Connecting, or connected without having heard what is ours. */
function isSettling(life: Life | undefined): boolean {
  if (life === undefined) return false
  const { state } = life.tunnel.status
  return state === 'connecting' || (state === 'connected' && life.routes === undefined)
}

function flowStateOf(life: Life | undefined): FlowState {
  if (life === undefined) return { isSettling: false, reason: 'not_enrolled' }
  const known = { isSettling: isSettling(life) }
  const refusal = refusalOf(life.tunnel.status)
  if (life.routes === undefined) return { ...known, reason: refusal ?? 'gateway_unreachable' }
  return { ...known, routes: life.routes, tunnel: refusal ?? life.tunnel }
}

function routesOf(registration: Registration, options: DeviceOptions): { routes?: Routes } {
  if (registration.settings === undefined) return {}
  const local: LocalRoutes = {
    gateway: [gatewayOf(registration), endpointOf(registration.loginUrl)],
    ownPorts: options.ownPorts(),
    refuseOthers: options.refuseOthers,
  }
  return { routes: compileRoutes(registration.settings, local) }
}

function gatewayOf({ tunnelUrl }: Registration): TcpEndpoint {
  return endpointOf(tunnelUrl)
}

/** @throws {Error} for a URL without a host, which no gateway sends. */
function endpointOf(url: string): TcpEndpoint {
  const target = parseAuthority(new URL(url).host, HTTPS_PORT)
  if (!target.ok) throw new Error('The registration names no gateway.')
  return target.value
}

function credentialsOf({ key, certificate, gatewayCa }: Registration): TunnelCredentials {
  return { key, certificate, gatewayCa }
}

function copyOf(settings: DeviceSettings): NonNullable<Registration['settings']> {
  return {
    domains: [...settings.domains],
    prefixes: [...settings.prefixes],
    others: settings.others,
    sshHostAuthorities: [...settings.sshHostAuthorities],
  }
}
