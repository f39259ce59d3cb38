/** What the gateway says to the messages of a daemon: a welcome to its hello, then an answer to each question. */
import { formatHost, parseHost } from '#lib/net/endpoint'
import type { Incoming } from '#lib/wire/control-codec'
import type {
  DaemonMessage,
  DeviceSettings,
  ExplainTarget,
  VisibleApplication,
} from '#lib/wire/control-message'
import type { PostureObservation, PostureResult } from '#lib/wire/posture-message'
import type { PromptNotice } from '#lib/wire/prompt-message'
import type { Explainer } from '../enforce/explainer-client.ts'
import { gatherFacts, type StandingOf } from '../facts/gather.ts'
import type { Facts } from '../policy/facts.ts'
import type { Device, User } from '../store/store.ts'
import { type ControlStream, type Outgoing, VERSIONS } from './control-stream.ts'
import { settingsIn } from './device-settings.ts'
import type { TunnelPeer } from './incoming.ts'

export type AnswerDeps = {
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
}

/** The first message must be a hello with a version in common. @returns whether it was. */
export function greet(
  incoming: Incoming<DaemonMessage>,
  self: ControlStream,
  deps: AnswerDeps,
): boolean {
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

/** Answers one message behind the hello. */
export async function answer(
  incoming: Incoming<DaemonMessage>,
  self: ControlStream,
  deps: AnswerDeps,
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
  self.send(await answerTo(message, { ...who, peer: self.peer }, deps))
}

type Question = Exclude<DaemonMessage, { readonly type: 'hello' }>
type Asker = { readonly device: Device; readonly user: User; readonly peer: TunnelPeer }

async function answerTo(question: Question, asker: Asker, deps: AnswerDeps): Promise<Outgoing> {
  const { id } = question
  switch (question.type) {
    case 'posture': {
      const results = deps.reportPosture(asker.device.id, question.observations)
      return { type: 'posture_results', id, results }
    }
    case 'audit_proof':
      return proofMessage(question, deps)
    case 'list_applications': {
      const applications = deps.applications(factsOf(asker, NO_TARGET, deps))
      return { type: 'applications', id, applications }
    }
    case 'explain': {
      const told = await deps.explain(factsOf(asker, canonical(question), deps))
      return told.ok
        ? { type: 'explanation', id, explanation: told.value }
        : { type: 'refused', id, reason: told.error.reason }
    }
  }
}

function factsOf(
  { device, user, peer }: Asker,
  { transport = 'tcp', ...target }: ExplainTarget,
  { standing }: AnswerDeps,
): Facts {
  return gatherFacts({
    standing: standing(device, user),
    sourceAddress: peer.sourceAddress,
    country: peer.country,
    ...{ target, transport },
  })
}

function proofMessage(
  { id, from, to }: DaemonMessage & { readonly type: 'audit_proof' },
  { auditProof }: AnswerDeps,
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
export function whoIs(peer: TunnelPeer, { user: userOf }: AnswerDeps) {
  const admitted = peer.admitted()
  const user = admitted.ok ? userOf(admitted.value.userId) : undefined
  return admitted.ok && user !== undefined
    ? { device: admitted.value satisfies Device, user }
    : undefined
}

export function promptMessage(prompt: PromptNotice): Outgoing {
  return { type: 'authentication_required', id: 'prompt', ...prompt }
}

export function checkpointMessage(checkpoint: string): Outgoing {
  return { type: 'checkpoint', id: 'checkpoint', checkpoint }
}
