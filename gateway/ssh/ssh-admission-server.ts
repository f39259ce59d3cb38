/** What a session needs before the target is asked: a certificate for one login, and a recording that is open. */
import { formatAddress, parseAddress } from '#lib/net/address'
import { err, ok, type Result } from '#lib/result'
import type { SshFlow } from '../enforce/ssh-service.ts'
import type { Recorder } from '../recording/recorder.ts'
import { mintTargetCredential, type TargetCredential } from './ca.ts'
import type { SshServiceDeps } from './ssh-service-deps.ts'
import type { TargetRefusal } from './ssh-target-login-server.ts'

/**
 * Certifies a fresh key for this login.
 * @throws {Error} when the UNIX user or our own address is malformed: a bug, both were parsed before.
 */
export function certifyLogin(
  flow: SshFlow,
  sessionId: string,
  unixUser: string,
  deps: SshServiceDeps,
): TargetCredential {
  const own = parseAddress(flow.target.localAddress ?? '')
  const minted = mintTargetCredential({
    authority: deps.userAuthority,
    userEmail: flow.facts.subject.email,
    sessionId,
    unixUser,
    extensions: ['permit-pty'],
    nowSeconds: Math.floor(deps.now() / 1000),
    ...(own.ok ? { sourceAddress: formatAddress(own.value) } : {}),
  })
  if (!minted.ok) throw new Error(`no certificate: ${minted.error.reason}`)
  return minted.value
}

/** Opens the recording of a session, or says why nobody may go on. */
export async function openRecording(
  flow: SshFlow,
  sessionId: string,
  login: { readonly unixUser: string; readonly serial: bigint },
  deps: SshServiceDeps,
): Promise<Result<Recorder, TargetRefusal>> {
  const { facts, permit } = flow
  const opened = await deps.recordings.open({
    sessionId,
    flowId: flow.flowId,
    startedAtMs: deps.now(),
    userEmail: facts.subject.email,
    deviceId: facts.subject.deviceId,
    unixUser: login.unixUser,
    targetHost: facts.destination.host,
    targetPort: facts.destination.port,
    application: permit.application ?? '',
    policy: permit.policy ?? '',
    policyRevision: permit.revision,
    certificateSerial: login.serial.toString(),
  })
  if (opened.ok) return ok(opened.value)
  return err({ reason: 'recording_unavailable', detail: opened.error.reason })
}
