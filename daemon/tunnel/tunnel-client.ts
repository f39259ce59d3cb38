/**
 * The device's end of the tunnel: keeps connections warm as ./tunnel-state.ts says, places flows on the least loaded
 * one, and keeps one control stream.
 */
import { err, ok } from '#lib/result'
import type { TunnelConnection } from '#lib/tunnel/tunnel-connection'
import { momentNow } from '../moment-os.ts'
import { ConnectionPool } from './connection-pool.ts'
import type { ControlEvents } from './control-client.ts'
import { createControlKeeper } from './control-keeper-client.ts'
import { createGatewayConnector } from './gateway-connector-client.ts'
import type { Http2Timing } from './http2-client.ts'
import type { TunnelClient, TunnelClientOptions, TunnelStatus } from './tunnel.ts'
import { createQuestions } from './tunnel-questions.ts'
import { next, STOPPED, stateNameOf, type TunnelEvent, type TunnelState } from './tunnel-state.ts'

/** How long flows of a connection with old credentials may go on; the gateway ends them at the old notAfter. */
const OLD_CONNECTION_MS = 24 * 3_600_000
const STOP_MS = 5_000
const CONNECTIONS = 2
/** How long a connection may take to answer after a change of the network, before another one takes its place. */
const PROBE_MS = 1_000

type Internals = { readonly timing?: Partial<Http2Timing>; readonly random?: () => number }

/** Makes a tunnel client that is stopped. */
export function createTunnelClient(
  options: TunnelClientOptions,
  { timing = {}, random = Math.random }: Internals = {},
): TunnelClient {
  const connector = createGatewayConnector(options, timing)
  const pool = new ConnectionPool()
  let state: TunnelState = STOPPED
  /** Counts starts and stops: what an earlier run began is not taken over by a later one. */
  let run = 0
  let who: Pick<TunnelStatus, 'deviceId' | 'userEmail'> = {}
  let since: Pick<TunnelStatus, 'state' | 'since'> = { state: 'down', since: momentNow() }
  let timer: NodeJS.Timeout | undefined
  /** Attempts that go on. */
  const attempts: (AbortController | undefined)[] = []

  const keeper = createControlKeeper(() => pool.usable(), controlEvents())

  function controlEvents(): ControlEvents {
    return {
      onWelcome({ deviceId, userEmail, settings }) {
        who = { deviceId, userEmail }
        options.events.onWelcome()
        options.events.onStatus(status())
        options.events.onSettings(settings)
      },
      onSettings: options.events.onSettings,
      onNotice: options.events.onNotice,
      onPrompt: options.events.onPrompt,
      onPromptEnded: options.events.onPromptEnded,
      onCheckpoint: options.events.onCheckpoint,
    }
  }

  function status(): TunnelStatus {
    const name = stateNameOf(state)
    if (name !== since.state) since = { state: name, since: momentNow() }
    const { reason } = state
    const { lastHeard } = pool
    return {
      ...since,
      ...(reason === undefined || name === 'connected' ? {} : { reason }),
      connections: pool.usable().length,
      openFlows: pool.openFlows,
      ...(lastHeard === undefined ? {} : { lastHeard }),
      ...who,
    }
  }

  function happen(event: TunnelEvent): void {
    const { state: after, effects } = next(state, event)
    state = after
    for (const slot of effects.dial) connectSlot(slot, run).catch(() => undefined)
    for (const slot of effects.probe) probeSlot(slot).catch(() => undefined)
    clearTimeout(timer)
    if (effects.tickAtMs !== undefined) {
      const waitMs = Math.max(0, Math.ceil(effects.tickAtMs - steadyMs()))
      timer = setTimeout(() => happen({ type: 'tick', nowMs: steadyMs() }), waitMs)
    }
    keeper.refresh()
    options.events.onStatus(status())
  }

  async function connectSlot(slot: number, ofRun: number): Promise<void> {
    const attempt = new AbortController()
    attempts[slot]?.abort()
    attempts[slot] = attempt
    const connected = await connector.connect(attempt.signal)
    if (ofRun !== run || attempt.signal.aborted) {
      if (connected.ok) await connected.value.drain(0)
    } else if (connected.ok) {
      hold(slot, connected.value)
      happen({ type: 'opened', slot, nowMs: steadyMs() })
    } else {
      ended('failed', slot, connected.error.reason)
    }
  }

  function ended(type: 'failed' | 'lost', slot: number, reason: string): void {
    happen({ type, slot, reason, nowMs: steadyMs(), random: random() })
  }

  async function probeSlot(slot: number): Promise<void> {
    const connection = pool.at(slot)
    const asked = state.slots[slot]
    const isAlive = await connection?.probe(PROBE_MS)
    // After another change of the network this answer says nothing.
    if (connection === undefined || state.slots[slot] !== asked) return
    if (isAlive) {
      happen({ type: 'answered', slot })
      return
    }
    pool.retire(connection)
    ended('lost', slot, 'ping_timeout')
    // Its flows go on if the network comes back; if not, its own PING ends it.
    await connection.drain(OLD_CONNECTION_MS)
  }

  function hold(slot: number, connection: TunnelConnection): void {
    pool.put(slot, connection)
    connection.closed
      .then((lost) => {
        if (lost.flows > 0 && state.isRunning) options.events.onFlowsLost(lost)
      })
      .catch(() => undefined)
    connection.unusable
      .then(({ reason }) => {
        const left = pool.retire(connection)
        if (left !== undefined) ended('lost', left, reason)
      })
      .catch(() => undefined)
  }

  async function replace(slot: number, ofRun: number): Promise<void> {
    const before = pool.at(slot)
    const connected = await connector.connect()
    if (!connected.ok) return
    if (ofRun !== run || pool.at(slot) !== before) {
      await connected.value.drain(0)
      return
    }
    hold(slot, connected.value)
    happen({ type: 'answered', slot })
    if (before === undefined) return
    pool.retire(before)
    await before.drain(OLD_CONNECTION_MS)
  }

  return {
    start() {
      if (state.isRunning) return
      run += 1
      happen({ type: 'start', connections: options.connections ?? CONNECTIONS })
    },
    async stop(deadlineMs = STOP_MS) {
      run += 1
      const all = pool.takeAll()
      keeper.stop()
      happen({ type: 'stop' })
      await Promise.all(all.map((one) => one.drain(deadlineMs)))
    },
    openFlow: (...asked) => pool.place((connection) => connection.openFlow(...asked)),
    openDatagrams: (...asked) => pool.place((connection) => connection.openDatagrams(...asked)),
    ...createQuestions(keeper.ask),
    async post(path, body) {
      const [connection] = pool.usable()
      if (connection === undefined) return err({ reason: 'not_connected' })
      return connection.post(path, body).then(ok, () => err({ reason: 'connection_lost' }))
    },
    updateCredentials(newer) {
      connector.use(newer)
      for (const slot of pool.slots) replace(slot, run).catch(() => undefined)
      // Whoever waits for a better certificate waits no longer.
      happen({ type: 'tick', nowMs: Number.POSITIVE_INFINITY })
    },
    networkChanged: () => happen({ type: 'network_changed', nowMs: steadyMs() }),
    get status() {
      return status()
    },
  }
}

const steadyMs = (): number => momentNow().steadyMs
