/**
 * The device's end of the tunnel: keeps connections warm as ./tunnel-state.ts says, places flows on the least loaded
 * one, and keeps one control stream.
 */
import { X509Certificate } from 'node:crypto'
import type { Moment } from '#lib/moment'
import { err, ok, type Result } from '#lib/result'
import type { FlowRefusal, TunnelConnection } from '#lib/tunnel/tunnel-connection'
import { momentNow } from '../moment-os.ts'
import type { ControlEvents } from './control-client.ts'
import { createControlKeeper } from './control-keeper-client.ts'
import { connectHttp2, type Http2Timing } from './http2-client.ts'
import type {
  TunnelClient,
  TunnelClientOptions,
  TunnelCredentials,
  TunnelStatus,
} from './tunnel.ts'
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
  const connections: (TunnelConnection | undefined)[] = []
  const old = new Set<TunnelConnection>()
  let credentials: TunnelCredentials = options.credentials
  let ticket: Buffer | undefined
  let state: TunnelState = STOPPED
  /** Counts starts and stops: what an earlier run began is not taken over by a later one. */
  let run = 0
  let who: Pick<TunnelStatus, 'deviceId' | 'userEmail'> = {}
  let lastHeard: Moment | undefined
  let since: Pick<TunnelStatus, 'state' | 'since'> = { state: 'down', since: momentNow() }
  let timer: NodeJS.Timeout | undefined
  /** Attempts that go on. */
  const attempts: (AbortController | undefined)[] = []

  /** The least loaded one first. */
  const usable = () =>
    connections
      .filter((one) => one !== undefined)
      .filter((one) => one.usable)
      .sort((a, b) => a.openFlows - b.openFlows)
  const keeper = createControlKeeper(usable, controlEvents())

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
    const living = connections.filter((one) => one !== undefined)
    lastHeard = latest([...living.map((one) => one.lastHeard), lastHeard])
    const name = stateNameOf(state)
    if (name !== since.state) since = { state: name, since: momentNow() }
    const { reason } = state
    return {
      ...since,
      ...(reason === undefined || name === 'connected' ? {} : { reason }),
      connections: usable().length,
      openFlows: [...living, ...old].reduce((sum, one) => sum + one.openFlows, 0),
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

  async function connectOnce(
    signal?: AbortSignal,
  ): Promise<Result<TunnelConnection, { readonly reason: string }>> {
    const used = credentials
    const connected = await connectHttp2({
      ...(signal && { signal }),
      gateway: options.gateway,
      credentials: used,
      dial: options.dial,
      now: momentNow,
      timing,
      ...(ticket === undefined ? {} : { ticket }),
      onTicket: (bytes) => {
        if (used === credentials) ticket = bytes
      },
    })
    // A ticket that the gateway no longer takes must not be tried for ever.
    if (!connected.ok) ticket = undefined
    // The gateway ends the handshake of an expired certificate without a word.
    return connected.ok || !isExpired(used) ? connected : err({ reason: 'device_expired' })
  }

  async function connectSlot(slot: number, ofRun: number): Promise<void> {
    const attempt = new AbortController()
    attempts[slot]?.abort()
    attempts[slot] = attempt
    const connected = await connectOnce(attempt.signal)
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
    const connection = connections[slot]
    const asked = state.slots[slot]
    const isAlive = await connection?.probe(PROBE_MS)
    // After another change of the network this answer says nothing.
    if (connection === undefined || state.slots[slot] !== asked) return
    if (isAlive) {
      happen({ type: 'answered', slot })
      return
    }
    connections[slot] = undefined
    retire(connection)
    ended('lost', slot, 'ping_timeout')
    // Its flows go on if the network comes back; if not, its own PING ends it.
    await connection.drain(OLD_CONNECTION_MS)
  }

  function hold(slot: number, connection: TunnelConnection): void {
    connections[slot] = connection
    connection.closed
      .then((lost) => {
        if (lost.flows > 0 && state.isRunning) options.events.onFlowsLost(lost)
      })
      .catch(() => undefined)
    connection.unusable
      .then(({ reason }) => {
        retire(connection)
        if (connections[slot] !== connection) return
        connections[slot] = undefined
        ended('lost', slot, reason)
      })
      .catch(() => undefined)
  }

  /** Keeps count of the flows that end on a connection which takes no new ones. */
  function retire(connection: TunnelConnection): void {
    old.add(connection)
    connection.closed.then(() => old.delete(connection)).catch(() => undefined)
  }

  async function replace(slot: number, ofRun: number): Promise<void> {
    const before = connections[slot]
    const connected = await connectOnce()
    if (!connected.ok) return
    if (ofRun !== run || connections[slot] !== before) {
      await connected.value.drain(0)
      return
    }
    hold(slot, connected.value)
    happen({ type: 'answered', slot })
    if (before === undefined) return
    retire(before)
    await before.drain(OLD_CONNECTION_MS)
  }

  async function place<Flow>(
    open: (connection: TunnelConnection) => Promise<Result<Flow, FlowRefusal>>,
  ): Promise<Result<Flow, FlowRefusal>> {
    const [first] = usable()
    if (first === undefined) return err(NOT_CONNECTED)
    const opened = await open(first)
    // The gateway did not look at a flow that met its GOAWAY (RFC 9113 section 6.8): it may go elsewhere.
    const isUnseen = !opened.ok && opened.error.reason === 'gateway_draining'
    const second = isUnseen ? usable()[0] : undefined
    return second === undefined || second === first ? opened : open(second)
  }

  return {
    start() {
      if (state.isRunning) return
      run += 1
      happen({ type: 'start', connections: options.connections ?? CONNECTIONS })
    },
    async stop(deadlineMs = STOP_MS) {
      run += 1
      const all = [...connections.filter((one) => one !== undefined), ...old]
      connections.length = 0
      keeper.stop()
      happen({ type: 'stop' })
      await Promise.all(all.map((one) => one.drain(deadlineMs)))
    },
    openFlow: (...asked) => place((connection) => connection.openFlow(...asked)),
    openDatagrams: (...asked) => place((connection) => connection.openDatagrams(...asked)),
    async explain(to) {
      const answer = await keeper.ask({ type: 'explain', ...to })
      if (!answer.ok) return answer
      const { value } = answer
      return value.type === 'explanation' ? ok(value.explanation) : err(UNEXPECTED)
    },
    async applications() {
      const answer = await keeper.ask({ type: 'list_applications' })
      if (!answer.ok) return answer
      const { value } = answer
      return value.type === 'applications' ? ok(value.applications) : err(UNEXPECTED)
    },
    async reportPosture(observations) {
      const answer = await keeper.ask({ type: 'posture', observations })
      if (!answer.ok) return answer
      const { value } = answer
      return value.type === 'posture_results' ? ok(value.results) : err(UNEXPECTED)
    },
    async auditProof(from, to) {
      const answer = await keeper.ask({ type: 'audit_proof', from, to })
      if (!answer.ok) return answer
      const { value } = answer
      return value.type === 'audit_proof' ? ok(value.hashes) : err(UNEXPECTED)
    },
    async post(path, body) {
      const [connection] = usable()
      if (connection === undefined) return err({ reason: 'not_connected' })
      return connection.post(path, body).then(ok, () => err({ reason: 'connection_lost' }))
    },
    updateCredentials(newer) {
      credentials = newer
      ticket = undefined
      for (const [slot, connection] of connections.entries()) {
        if (connection !== undefined) replace(slot, run).catch(() => undefined)
      }
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

function latest(moments: readonly (Moment | undefined)[]): Moment | undefined {
  return moments.reduce((a, b) => ((a?.steadyMs ?? -1) >= (b?.steadyMs ?? -1) ? a : b), undefined)
}

const NOT_CONNECTED: FlowRefusal = { status: 503, reason: 'not_connected' }
const UNEXPECTED = { reason: 'unsupported' }

function isExpired({ certificate }: TunnelCredentials): boolean {
  return Date.parse(new X509Certificate(certificate).validTo) <= Date.now()
}
