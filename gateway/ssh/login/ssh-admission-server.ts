/** Everything that must hold before the target is asked to let a user in; what it costs is paid in that order. */
import { formatAddress, parseAddress } from '#lib/net/address'
import { err, ok, type Result } from '#lib/result'
import { AuthorityUnavailable } from '#lib/ssh/certificate-mint'
import { printPublicKeyLine } from '#lib/ssh/public-key-line'
import type { SshFlow, SshTarget } from '../../enforce/ssh-service.ts'
import { subjectName } from '../../facts/subject-name.ts'
import type { SshLimits } from '../../policy/decision.ts'
import type { Recorder } from '../../recording/recorder.ts'
import { Grants } from '../relay/grants.ts'
import type { SshServiceDeps } from '../ssh-service-deps.ts'
import type { SshLeg } from '../transport/ssh-leg-server.ts'
import { mintTargetCredential, type TargetCredential } from './ca.ts'
import type { SshTargetLogin, TargetRefusal } from './ssh-target-login-server.ts'
import type { UserProof } from './user-proof.ts'

/** Who asks, as far as the user's leg knows. */
export type LoginRequest = { readonly unixUser: string; readonly proof: UserProof }

/** A session that is being set up. */
export type SessionParts = {
  /** Names the recording and the certificate; never user-controlled. */
  readonly id: string
  readonly flow: SshFlow
  readonly reached: SshTarget
  readonly target: Pick<SshTargetLogin, 'proved'>
  readonly deps: SshServiceDeps
}

/** What the session then has. */
export type Admission = {
  readonly leg: SshLeg
  readonly credential: TargetCredential
  /** Open; absent where the permit wants none. */
  readonly recorder: Recorder | undefined
}

/** @returns what the session goes on with, or why nobody gets in; nothing is left open then. */
export async function admit(
  request: LoginRequest,
  session: SessionParts,
): Promise<Result<Admission, TargetRefusal>> {
  const objection = objectionTo(request, session.reached.limits)
  if (objection !== undefined) return err(objection)
  const proved = await session.target.proved
  if (!proved.ok) return proved
  const certified = await certify(request.unixUser, session)
  if (!certified.ok) return certified
  const credential = certified.value
  const login = { leg: proved.value, credential }
  if (session.reached.limits.record === 'off') return ok({ ...login, recorder: undefined })
  const recorder = await openRecording(request.unixUser, credential, session)
  if (recorder.ok) return ok({ ...login, recorder: recorder.value })
  const isAudited = recorder.error.detail !== 'not_audited'
  const goesOn = isAudited && session.reached.limits.record === 'best_effort'
  return goesOn ? ok({ ...login, recorder: undefined }) : recorder
}

function objectionTo(
  { unixUser, proof }: LoginRequest,
  { unixUsers }: SshLimits,
): TargetRefusal | undefined {
  if (!unixUsers.includes(unixUser)) return { reason: 'unix_user_not_allowed', detail: unixUser }
  if (proof.method !== 'certificate' || proof.forceCommand === undefined) return undefined
  return { reason: 'force_command_unsupported', detail: proof.keyId }
}

/** A certificate for a fresh key. @throws {Error} on a malformed UNIX user: a bug, it was parsed before. */
async function certify(
  unixUser: string,
  { id, flow, reached, deps }: SessionParts,
): Promise<Result<TargetCredential, TargetRefusal>> {
  const own = parseAddress(reached.socket.localAddress ?? '')
  const order = {
    userEmail: subjectName(flow.facts.subject),
    sessionId: id,
    unixUser,
    extensions: new Grants(reached.limits.grants).extensions,
    ownKeys: deps.ownKeys,
    nowSeconds: Math.floor(deps.now() / 1000),
    ...(own.ok ? { sourceAddress: formatAddress(own.value) } : {}),
  } as const
  try {
    const minted = await mintTargetCredential({
      ...order,
      authority: deps.authorities.signer('user'),
    })
    if (!minted.ok) throw new Error(`no certificate: ${minted.error.reason}`)
    return minted
  } catch (error) {
    if (!(error instanceof AuthorityUnavailable)) throw error
    return err({ reason: 'authority_unavailable', detail: error.message })
  }
}

async function openRecording(
  unixUser: string,
  { serial, certificate }: TargetCredential,
  { id, flow, reached, deps }: SessionParts,
): Promise<Result<Recorder, TargetRefusal>> {
  const { facts } = flow
  const { permit, limits } = reached
  const opened = await deps.recordings.open({
    sessionId: id,
    flowId: flow.flowId,
    startedAtMs: deps.now(),
    userEmail: subjectName(facts.subject),
    deviceId: facts.subject.deviceId,
    unixUser,
    targetHost: facts.destination.host,
    targetPort: facts.destination.port,
    application: permit.application ?? '',
    policy: permit.policy ?? '',
    policyRevision: permit.revision,
    certificateSerial: serial.toString(),
    certificate: printPublicKeyLine(certificate),
    ...(limits.recordScope !== undefined && { recordScope: limits.recordScope }),
    ...(limits.record === 'best_effort' && { recordFailure: 'go_on' }),
    ...(flow.parent !== undefined && { parent: flow.parent }),
  })
  if (opened.ok) return ok(opened.value)
  return err({ reason: 'recording_unavailable', detail: opened.error.reason })
}
