/**
 * Control streams: one live stream per device, on which the daemon asks and the gateway tells.
 * A second stream of the same device closes the first one, and says so: two machines share a certificate, or the
 * daemon came back before its old connection was noticed to be dead.
 */
import type { Duplex } from 'node:stream'
import type { Log } from '#lib/log'
import { formatHost, parseHost } from '#lib/net/endpoint'
import { createDaemonDecoder, encodeControlMessage, type Incoming } from '#lib/wire/control-codec'
import type {
  DaemonMessage,
  DeviceSettings,
  ExplainTarget,
  GatewayMessage,
  VisibleApplication,
} from '#lib/wire/control-message'
import type { PostureObservation, PostureResult } from '#lib/wire/posture-message'
import type { PromptEnd, PromptNotice } from '#lib/wire/prompt-message'
import type { Explainer } from '../enforce/explainer-client.ts'
import { gatherFacts, type StandingOf } from '../facts/gather.ts'
import type { Facts } from '../policy/facts.ts'
import type { Device, User } from '../store/store.ts'
import { settingsIn } from './device-settings.ts'
import type { TunnelPeer } from './incoming.ts'

export type ControlServerDeps = {
  /** `store.users.get`. */
  readonly user: (id: string) => User | undefined
  readonly standing: StandingOf
  /** What this user's daemons treat as ours, under the policy in force. */
  readonly settings: (user: User, deviceId: string) => DeviceSettings
  /** What a flow with these facts would come to, or why that is not said. */
  readonly explain: Explainer['forUser']
  readonly applications: (facts: Facts) => readonly VisibleApplication[]
  /** Takes what a device says of itself; returns how its checks stand then. */
  readonly reportPosture: (
    deviceId: string,
    observations: readonly PostureObservation[],
  ) => readonly PostureResult[]
  /** What waits for the user of a device; told to each new stream. */
  readonly prompts: (deviceId: string) => readonly PromptNotice[]
  /** The newest checkpoint of the audit log; told to each new stream. */
  readonly checkpoint: () => string | undefined
  /** Hashes that show one size of the log to begin with another; undefined for sizes that it does not have. */
  readonly auditProof: (from: number, to: number) => readonly string[] | undefined
  readonly log: Log
  readonly helloTimeoutMs?: number
}

export interface ControlServer {
  /** Takes a control stream that was answered 200. */
  readonly onControl: (peer: TunnelPeer, stream: Duplex) => void
  /** Sends the settings anew to every daemon: the policy changed. */
  pushSettings(): void
  /** Tells every daemon a newer checkpoint. */
  readonly pushCheckpoint: (checkpoint: string) => void
  /** Tells a device something; nothing happens when it is not connected. */
  notify(deviceId: string, reason: string, sentence: string): void
  /** Asks the user of a device for something; as `notify`. */
  prompt(deviceId: string, prompt: PromptNotice): void
  promptEnded(deviceId: string, end: PromptEnd): void
}

/** Versions of the control messages: 2 adds `synthetic` and `lockdown` to the settings, 3 adds `lock`, 4 `captivePortalMs`. */
const VERSIONS = { min: 1, max: 4 }
const HELLO_TIMEOUT_MS = 10_000
/** Questions of one stream that may wait for an answer. */
const QUESTION_LIMIT = 64
/** Octets that may wait for a daemon that does not read. */
const UNREAD_LIMIT = 8 * 1024 * 1024

/** Distributes over `seq`, which the stream counts. */
type Outgoing = GatewayMessage extends infer M
  ? M extends unknown
    ? Omit<M, 'seq'>
    : never
  : never

/** A stream that said hello. */
type Live = {
  send(message: Outgoing): void
  /** Tells why, and ends the stream. */
  close(reason: string, sentence: string): void
  readonly peer: TunnelPeer
  /** Of the messages, as agreed; the oldest before that. */
  version: number
}

export function createControlServer(deps: ControlServerDeps): ControlServer {
  const live = new Map<string, Live>()

  function enter(stream: Live): void {
    const { deviceId } = stream.peer.leaf
    live.get(deviceId)?.close('device_duplicate', 'This device connected a second time.')
    live.set(deviceId, stream)
  }
  function leave(stream: Live): void {
    const { deviceId } = stream.peer.leaf
    if (live.get(deviceId) === stream) live.delete(deviceId)
  }

  return {
    onControl: (peer, stream) => serveControl(peer, stream, deps, { enter, leave }),
    pushSettings() {
      for (const stream of live.values()) {
        const who = whoIs(stream.peer, deps)
        if (who === undefined) continue
        const settings = settingsIn(stream.version, deps.settings(who.user, who.device.id))
        stream.send({ type: 'settings', id: 'settings', settings })
      }
    },
    pushCheckpoint(checkpoint) {
      for (const stream of live.values()) stream.send(checkpointMessage(checkpoint))
    },
    notify: (deviceId, reason, sentence) =>
      live.get(deviceId)?.send({ type: 'notice', id: 'notice', reason, sentence }),
    prompt: (deviceId, prompt) => live.get(deviceId)?.send(promptMessage(prompt)),
    promptEnded: (deviceId, end) =>
      live.get(deviceId)?.send({ type: 'prompt_ended', id: 'prompt', ...end }),
  }
}

function promptMessage(prompt: PromptNotice): Outgoing {
  return { type: 'authentication_required', id: 'prompt', ...prompt }
}

function checkpointMessage(checkpoint: string): Outgoing {
  return { type: 'checkpoint', id: 'checkpoint', checkpoint }
}

type Registry = { enter(stream: Live): void; leave(stream: Live): void }

function serveControl(
  peer: TunnelPeer,
  stream: Duplex,
  deps: ControlServerDeps,
  registry: Registry,
): void {
  const self = openLive(peer, stream)
  const questions = createQueue(QUESTION_LIMIT)
  let isGreeted = false
  const timer = setTimeout(
    () => self.close('no_hello', 'No hello came.'),
    deps.helloTimeoutMs ?? HELLO_TIMEOUT_MS,
  )
  const take = (incoming: Incoming<DaemonMessage>): void => {
    if (!isGreeted) {
      clearTimeout(timer)
      isGreeted = greet(incoming, self, deps)
      if (isGreeted) registry.enter(self)
    } else if (!questions.add(() => answer(incoming, self, deps).catch(failed))) {
      self.close('too_many_questions', 'Too many questions wait for an answer.')
    }
  }
  const failed = (error: unknown): void => {
    deps.log.error({ deviceId: peer.leaf.deviceId, error: String(error) }, 'question failed')
    self.close('internal_error', 'The gateway could not answer.')
  }
  const decoder = createDaemonDecoder()
  stream.on('data', (chunk: Buffer) => {
    const { incoming, error } = decoder.push(chunk)
    for (const one of incoming) if (!stream.writableEnded) take(one)
    if (error === undefined || stream.writableEnded) return
    const { deviceId } = peer.leaf
    deps.log.warn({ deviceId, ...error }, 'control stream broken')
    self.close(error.reason, 'The control stream is broken.')
  })
  stream.on('error', () => undefined)
  stream.once('end', () => stream.end())
  stream.once('close', () => {
    clearTimeout(timer)
    registry.leave(self)
  })
}

function openLive(peer: TunnelPeer, stream: Duplex): Live {
  let seq = 0
  const send = (message: Outgoing): void => {
    if (stream.destroyed || stream.writableEnded) return
    if (stream.writableLength > UNREAD_LIMIT) {
      stream.destroy()
      return
    }
    seq += 1
    stream.write(encodeControlMessage({ ...message, seq }))
  }
  return {
    peer,
    version: VERSIONS.min,
    send,
    close(reason, sentence) {
      send({ type: 'notice', id: 'close', reason, sentence })
      stream.end()
    },
  }
}

/** The first message must be a hello with a version in common. @returns whether it was. */
function greet(incoming: Incoming<DaemonMessage>, self: Live, deps: ControlServerDeps): boolean {
  const hello = incoming.kind === 'message' ? incoming.message : undefined
  const who = whoIs(self.peer, deps)
  if (hello?.type !== 'hello' || who === undefined) {
    self.close('no_hello', 'The first message must be hello.')
    return false
  }
  if (hello.versions.min > VERSIONS.max || hello.versions.max < VERSIONS.min) {
    self.close('version_unsupported', 'The gateway speaks another version. Update zt.')
    return false
  }
  self.version = Math.min(hello.versions.max, VERSIONS.max)
  self.send({
    type: 'welcome',
    id: hello.id,
    version: self.version,
    deviceId: who.device.id,
    userEmail: who.user.email,
    settings: settingsIn(self.version, deps.settings(who.user, who.device.id)),
  })
  const checkpoint = deps.checkpoint()
  if (checkpoint !== undefined) self.send(checkpointMessage(checkpoint))
  for (const prompt of deps.prompts(who.device.id)) self.send(promptMessage(prompt))
  return true
}

async function answer(
  incoming: Incoming<DaemonMessage>,
  self: Live,
  deps: ControlServerDeps,
): Promise<void> {
  if (incoming.kind === 'unknown_type') {
    self.send({ type: 'unsupported', id: incoming.id, got: incoming.got })
    return
  }
  const { message } = incoming
  const who = whoIs(self.peer, deps)
  if (who === undefined || message.type === 'hello') {
    self.close('unexpected', who === undefined ? 'This device has no access.' : 'A second hello.')
    return
  }
  if (message.type === 'posture') {
    const results = deps.reportPosture(who.device.id, message.observations)
    self.send({ type: 'posture_results', id: message.id, results })
    return
  }
  if (message.type === 'audit_proof') {
    self.send(proofMessage(message, deps))
    return
  }
  const { transport = 'tcp', ...target } =
    message.type === 'explain' ? canonical(message) : NO_TARGET
  const facts = gatherFacts({
    standing: deps.standing(who.device, who.user),
    sourceAddress: self.peer.sourceAddress,
    country: self.peer.country,
    ...{ target, transport },
  })
  if (message.type === 'explain') {
    const told = await deps.explain(facts)
    const { id } = message
    if (told.ok) self.send({ type: 'explanation', id, explanation: told.value })
    else self.send({ type: 'refused', id, reason: told.error.reason })
  } else {
    self.send({ type: 'applications', id: message.id, applications: deps.applications(facts) })
  }
}

function proofMessage(
  { id, from, to }: DaemonMessage & { readonly type: 'audit_proof' },
  { auditProof }: ControlServerDeps,
): Outgoing {
  const hashes = auditProof(from, to)
  return hashes === undefined
    ? { type: 'refused', id, reason: 'no_such_size' }
    : { type: 'audit_proof', id, hashes }
}

/** For questions that are about no destination. */
const NO_TARGET: ExplainTarget = { host: 'localhost', port: 1 }

/** As a flow's target is written; what is no host stays, and is explained as such. */
function canonical({ host, port, transport = 'tcp' }: ExplainTarget): ExplainTarget {
  const parsed = parseHost(host)
  return { host: parsed.ok ? formatHost(parsed.value) : host, port, transport }
}

/** Asked for each message: an admission does not last as long as a stream. */
function whoIs(peer: TunnelPeer, { user: userOf }: ControlServerDeps) {
  const admitted = peer.admitted()
  const user = admitted.ok ? userOf(admitted.value.userId) : undefined
  return admitted.ok && user !== undefined
    ? { device: admitted.value satisfies Device, user }
    : undefined
}

type Queue = { add(task: () => Promise<void>): boolean }

/** Runs tasks one after the other. `add` is false when too many wait. A task that rejects is a bug. */
function createQueue(limit: number): Queue {
  let waiting = 0
  let last = Promise.resolve()
  return {
    add(task) {
      if (waiting >= limit) return false
      waiting += 1
      last = last.then(task).finally(() => {
        waiting -= 1
      })
      return true
    },
  }
}
