/**
 * This device's registration and what lives from it: the tunnel, the routes, the renewal. Each exists exactly while
 * the device is enrolled.
 */
import type { Agent } from 'node:https'
import type { Log } from '#lib/log'
import { err } from '#lib/result'
import type { DeviceSettings } from '#lib/wire/control-message'
import {
  copyOf,
  credentialsOf,
  type DeviceFacts,
  factsOf,
  flowStateOf,
  gatewayOf,
  isSettling,
  type Life,
  type OwnSettings,
  routesOf,
} from './device-life.ts'
import type { IdentityStore } from './enrol/identity-store.ts'
import type { Registration } from './enrol/registration.ts'
import { startRenewal } from './enrol/renewal-job.ts'
import type { FlowState } from './flow-client.ts'
import { createLock, type Lock } from './life/lock-job.ts'
import { bootId, bootMomentNow } from './moment-os.ts'
import type { Collect } from './posture/collect-os.ts'
import { startPosture } from './posture/posture-job.ts'
import { hearing } from './prompt/hearing.ts'
import type { Told } from './prompt/told.ts'
import type { DialTcp, TcpEndpoint, TunnelClient, TunnelStateName } from './tunnel/tunnel.ts'
import { createTunnelClient } from './tunnel/tunnel-client.ts'
import { startWitness, type Witness } from './witness/witness-job.ts'
import type { WitnessStore } from './witness/witness-store.ts'

export type DeviceOptions = OwnSettings & {
  readonly store: IdentityStore
  readonly witnessStore: WitnessStore
  readonly told: Told
  readonly dial: DialTcp
  readonly agent: Agent
  readonly collect: Collect
  /** After the registration, or what the gateway says is ours, changed. */
  readonly onChange: () => void
  /** After the tunnel came up or went away. */
  readonly onTunnel: () => void
  readonly log: Log
}

export interface Device {
  readonly registration: Registration | undefined
  /** The tunnel listener. */
  readonly gateway: TcpEndpoint | undefined
  readonly tunnel: TunnelClient | undefined
  readonly facts: DeviceFacts
  readonly flowState: FlowState
  readonly lock: Lock
  /** Keeps a registration and lives from it; replaces an earlier one. @throws {Error} when it cannot be kept. */
  adopt(registration: Registration): Promise<void>
  /** Lives from the registration that is kept: needs no room on disk. */
  resume(registration: Registration): Promise<void>
  /** Forgets key, certificate and settings. */
  forget(): Promise<void>
  up(): void
  down(): Promise<void>
  /** Settles when the tunnel is up and has said what is ours, or is known not to come up, or after `limitMs`. */
  settled(limitMs: number): Promise<void>
  /** After a sleep, or in another network: whatever waits for a time or an answer looks anew. */
  surroundingsChanged(): void
  /** Ends the tunnel; the registration stays on disk. */
  close(): Promise<void>
}

/** Makes the device; `adopt` starts it. */
export function createDevice(options: DeviceOptions): Device {
  const { store, told, log } = options
  let life: Life | undefined
  const waiting = new Set<() => void>()
  let witness: Witness | undefined
  const lock = createLock({
    registration: () => life?.registration,
    keep(used) {
      if (life === undefined) return
      const registration = { ...life.registration, ...used }
      store.save(registration)
      change({ registration })
    },
    onClosed: () => life?.tunnel.start(),
    now: bootMomentNow,
    bootId: bootId(),
    log,
  })

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
          options.onTunnel()
        },
        onSettings: (settings) => {
          takeSettings(settings)
          wakeIfSettled()
        },
        ...hearing(told, log),
        onCheckpoint: (checkpoint) => witness?.offer(checkpoint),
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
    const posture = startPosture({
      collect: options.collect,
      report: tunnel.reportPosture,
      onTold: wakeIfSettled,
      log,
    })
    life = { registration, tunnel, renewal, posture, ...routesOf(registration, options) }
    lock.resume()
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
    options.onChange()
    const { domains, prefixes } = settings
    life.posture.ask(settings.postureRequests)
    log.info({ domains: domains.length, prefixes: prefixes.length }, 'settings taken')
  }

  function startWitnessing(): Promise<Witness> {
    const unconnected = async () => err({ reason: 'not_connected' })
    return startWitness({
      store: options.witnessStore,
      ask: (from, to) => (life?.tunnel.auditProof ?? unconnected)(from, to),
      log,
      now: Date.now,
    })
  }

  async function resume(registration: Registration): Promise<void> {
    await end()
    witness = await startWitnessing()
    begin(registration)
    options.onChange()
  }

  async function end(): Promise<void> {
    lock.stop()
    const ending = life
    life = undefined
    told.welcomed()
    ending?.renewal.stop()
    ending?.posture.stop()
    await ending?.tunnel.stop()
  }

  return {
    get registration() {
      return life?.registration
    },
    get gateway() {
      return life && gatewayOf(life.registration)
    },
    get tunnel() {
      return life?.tunnel
    },
    get facts() {
      return { ...factsOf(life), lock, ...(witness?.status && { witness: witness.status }) }
    },
    lock,
    get flowState() {
      return flowStateOf(life)
    },
    async adopt(registration) {
      store.save(registration)
      await resume(registration)
    },
    resume,
    async forget() {
      store.forget()
      await end()
      options.witnessStore.forget()
      witness = undefined
      options.onChange()
    },
    up: () => life?.tunnel.start(),
    async down() {
      life?.posture.ask([])
      await life?.tunnel.stop()
    },
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
    surroundingsChanged() {
      life?.tunnel.networkChanged()
      life?.renewal.wake()
      life?.posture.wake()
      lock.look()
    },
    close: end,
  }
}
