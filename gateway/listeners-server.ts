/**
 * The listeners of the gateway: what each is given, in which order they start.
 */
import type { Log } from '#lib/log'
import type { AccessRequests } from './access-request/access-requests-store.ts'
import { startAdminServer } from './admin/admin-server.ts'
import type { AuditLog } from './audit/audit-log-store.ts'
import type { Checkpoints } from './audit/checkpoint-job.ts'
import { evidenceSigner } from './audit/evidence-signer.ts'
import type { GatewayConfig, ListenerConfig } from './config/gateway-config.ts'
import type { AnswerName } from './dns/name-answerer.ts'
import type { NameServers } from './dns/name-servers-client.ts'
import type { Explainer } from './enforce/explainer-client.ts'
import type { PolicyDecider } from './enforce/policy-decider.ts'
import type { AliasesOf, Resolve } from './enforce/resolve-client.ts'
import { overrideKeyOf } from './enrol/override-key.ts'
import type { Evaluations } from './evaluator/evaluations-client.ts'
import type { StandingOf } from './facts/gather.ts'
import type { FlowTable } from './flow/flow-table.ts'
import type { FlowTap } from './flow/flow-tap.ts'
import type { Reconsideration } from './flow/reconsider-job.ts'
import type { ServerCertificate } from './keys/server-certificate.ts'
import type { LiveSessions } from './live/live-sessions.ts'
import { startLoginAccess } from './login-access-server.ts'
import type { OpenedData } from './open-data-os.ts'
import type { PolicyInForce } from './policy-in-force.ts'
import type { Posture } from './posture/posture-store.ts'
import type { Holding } from './prompt/hold-job.ts'
import type { PromptDesk } from './prompt/prompts.ts'
import type { RecordingAccess } from './recording-access-store.ts'
import type { ServiceTokens } from './service-token/service-tokens-store.ts'
import type { Sessions } from './session/sessions-store.ts'
import type { RegisteredTargets } from './ssh/login/registered-targets-store.ts'
import { openSshAccess } from './ssh-access-os.ts'
import { startTunnelAccess } from './tunnel-access-server.ts'

/** A listener of the gateway, as the composition sees it. */
export type Listener = {
  readonly name: 'tunnel' | 'login' | 'admin'
  readonly address: ListenerConfig['listen']
  /** Settles when it is closed. */
  drain(deadlineMs: number): Promise<void>
}

/** What listeners are made of. */
export type Parts = {
  readonly config: GatewayConfig
  readonly data: OpenedData
  readonly log: Log
  /** Unix milliseconds. */
  readonly now: () => number
  readonly table: FlowTable
  readonly policyInForce: PolicyInForce
  readonly recording: RecordingAccess
  readonly audit: AuditLog
  readonly checkpoints: Checkpoints
  readonly tls: Readonly<Record<Listener['name'], ServerCertificate>>
  readonly decider: PolicyDecider
  readonly standing: StandingOf
  readonly sessions: Sessions
  readonly serviceTokens: ServiceTokens
  readonly accessRequests: AccessRequests
  readonly evaluations: Evaluations
  readonly reconsideration: Reconsideration
  /** Ends the timers of access. */
  readonly endAccess: () => void
  readonly posture: Posture
  readonly holding: Holding
  readonly prompts: PromptDesk
  readonly explainer: Explainer
  readonly resolve: Resolve
  readonly aliasesOf: AliasesOf
  readonly answerName: AnswerName
  readonly resolvers: NameServers['status']
  readonly flowTap: FlowTap
  readonly sshTargets: RegisteredTargets
  readonly live: LiveSessions
  /** Ends what a device has open. */
  readonly cutDevice: CutDevice
  /** How listeners close what a device has open with them; they add themselves. */
  readonly closers: CutDevice[]
}

/** Ends what a device has open, telling why. */
export type CutDevice = (deviceId: string, reason: string) => void

/** The tunnel last: what a device does after it connects needs the others. */
const STARTERS: readonly ((parts: Parts) => Promise<Listener>)[] = [
  startAdmin,
  startLogin,
  startTunnel,
]

/** Starts every listener into `listeners`. @throws {Error} when one cannot start; the earlier ones are closed then. */
export async function startAll(parts: Parts, listeners: Listener[]): Promise<void> {
  try {
    for (const start of STARTERS) listeners.push(await start(parts))
  } catch (error) {
    await Promise.all(listeners.map((listener) => listener.drain(0)))
    parts.endAccess()
    throw error
  }
}

async function startAdmin(parts: Parts): Promise<Listener> {
  const { config, data, log, now, tls, cutDevice, reconsideration, posture } = parts
  const { sessions, serviceTokens, standing, explainer, policyInForce } = parts
  const { accessRequests, flowTap, sshTargets, audit, checkpoints } = parts
  const { live, recording } = parts
  const server = await startAdminServer({
    listen: config.admin.listen,
    url: new URL(config.admin.url),
    tls: tls.admin,
    store: data.store,
    audit,
    signCheckpoint: checkpoints.sign,
    keeping: parts.recording.keeping,
    evidenceSigner: () => evidenceSigner(data.keys.evidenceSigning),
    posture: posture.of,
    overrideKey: (deviceId) => overrideKeyOf(data.keys.hostSeed, deviceId),
    recordingsDir: data.recordingsDir,
    checkSecret: data.checkSecret,
    ...{ sessions, serviceTokens, standing, explainer, accessRequests, flowTap, sshTargets },
    answerName: parts.answerName,
    resolvers: parts.resolvers,
    live,
    recipients: recording.recipients,
    sshAuthorities: data.sshAuthorities,
    policy: () => policyInForce.snapshot.current.policy,
    tell: reconsideration.tell,
    onDeviceRevoked: (deviceId) => cutDevice(deviceId, 'device_revoked'),
    log,
    nowMs: now,
  })
  return { name: 'admin', address: server.address, drain: () => server.close() }
}

async function startLogin(parts: Parts): Promise<Listener> {
  const { config, data, log, now, tls, prompts, sessions, serviceTokens, reconsideration } = parts
  const { keys, store, sshAuthorities } = data
  const { tell } = reconsideration
  const server = await startLoginAccess({
    ...{ config, keys, store, sshAuthorities, sessions, prompts, serviceTokens, tell, log, now },
    tls: tls.login,
  })
  return { name: 'login', address: server.address, drain: () => server.close() }
}

async function startTunnel(parts: Parts): Promise<Listener> {
  const { config, data, log, now, tls, table, policyInForce, recording, closers } = parts
  const { decider, explainer, resolve, aliasesOf, answerName, standing, sessions, serviceTokens } =
    parts
  const { reconsideration, posture, holding } = parts
  const { store, keys, sshAuthorities } = data
  const { snapshot } = policyInForce
  const ssh = openSshAccess({
    ...{ keys, snapshot, log, now, live: parts.live },
    authorities: sshAuthorities,
    fips: config.fips === true,
    recordings: recording.recordings,
  })
  const access = await startTunnelAccess({
    ...{ config, store, snapshot, table, log, now },
    ...{ decider, explainer, resolve, aliasesOf, answerName, standing, sessions, serviceTokens },
    flowTap: parts.flowTap,
    ...{ reconsideration, posture, holding },
    ...{ evaluations: parts.evaluations, audit: parts.audit, checkpoints: parts.checkpoints },
    tls: tls.tunnel,
    ...{ keys, sshAuthorities },
    serveSsh: ssh.serve,
    cutDevice: parts.cutDevice,
  })
  closers.push(access.closeDevice)
  return {
    name: 'tunnel',
    address: access.address,
    async drain(deadlineMs) {
      await access.drain(deadlineMs)
      await ssh.settled()
    },
  }
}
