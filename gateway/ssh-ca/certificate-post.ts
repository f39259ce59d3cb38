/** The answer to `POST /ssh-certificate`: who asks is who the tunnel says, and policy decides. */
import { decodeSshCertificateRequest } from '#lib/api/ssh-certificate-api'
import type { Log } from '#lib/log'
import { err, type Result } from '#lib/result'
import { AuthorityUnavailable } from '#lib/ssh/certificate-mint'
import type { StandingOf } from '../facts/gather.ts'
import {
  decideSshCertificate,
  type SshCertificateLines,
  type SshCertificateRefusal,
} from '../policy/ssh-certificate.ts'
import type { Store, User } from '../store/store.ts'
import type { PostHandler, TunnelPeer } from '../tunnel/incoming.ts'
import { certifyClient, clientKeyId } from './client-certificate.ts'
import type { SshAuthorities } from './ssh-authorities-store.ts'

export type CertificatePostDeps = {
  readonly user: (id: string) => User | undefined
  readonly standing: StandingOf
  readonly policy: () => SshCertificateLines
  readonly sshAuthorities: Pick<SshAuthorities, 'signer' | 'trusted' | 'revocations'>
  readonly store: Pick<Store, 'sshCa'>
  /** Whether a key of this OpenSSH line may be certified. */
  readonly isSuitable: (publicKey: string) => boolean
  /** Whether the device may ask again. */
  readonly mayAsk: (deviceId: string) => Promise<boolean>
  /** Unix milliseconds. */
  readonly now: () => number
  readonly log: Log
}

type Refusal =
  | SshCertificateRefusal
  | 'invalid_request'
  | 'too_many_requests'
  | 'device_refused'
  | 'no_client_authority'
  | 'certificate_revoked'
  | 'authority_unavailable'
  | 'bad_public_key'
  | 'key_type_refused'

export function certificatePost(deps: CertificatePostDeps): PostHandler {
  return async (peer, body) => {
    const { deviceId } = peer.leaf
    const issued = await issue(deps, peer, body)
    if (issued.ok) return { status: 200, body: JSON.stringify(issued.value) }
    const { error } = issued
    deps.log.warn({ deviceId, reason: error }, 'ssh certificate refused')
    return {
      status: 403,
      body: JSON.stringify({ error, error_description: SENTENCES[error] }),
    }
  }
}

async function issue(
  deps: CertificatePostDeps,
  peer: TunnelPeer,
  body: string,
): Promise<Result<unknown, Refusal>> {
  const { deviceId } = peer.leaf
  if (!(await deps.mayAsk(deviceId))) return err('too_many_requests')
  const request = decodeSshCertificateRequest(parseJson(body))
  if (request === undefined) return err('invalid_request')
  const device = peer.admitted()
  const user = device.ok ? deps.user(device.value.userId) : undefined
  if (!device.ok || user === undefined) return err('device_refused')
  if (deps.sshAuthorities.trusted('client').length === 0) return err('no_client_authority')
  const { sourceAddress, country } = peer
  const standing = deps.standing(device.value, user)
  const facts = { ...standing, sourceAddress, ...(country !== undefined && { country }) }
  if (isDeviceRevoked(deps, user.email, deviceId)) return err('certificate_revoked')
  const nowMs = deps.now()
  const grant = decideSshCertificate(deps.policy(), facts, request.principals, nowMs)
  if (!grant.ok) return grant
  return sign(deps, {
    ...{ grant: grant.value, publicKey: request.public_key, user, deviceId, nowMs },
    isSuitable: deps.isSuitable,
  })
}

/** The key id names the device: once revoked, it gets no other. */
function isDeviceRevoked(
  { sshAuthorities }: CertificatePostDeps,
  email: string,
  deviceId: string,
): boolean {
  const value = clientKeyId(email, deviceId)
  return sshAuthorities.revocations().some((one) => one.kind === 'key_id' && one.value === value)
}

/** Logged before it is handed out. */
async function sign(
  { sshAuthorities, store, log }: CertificatePostDeps,
  order: Omit<Parameters<typeof certifyClient>[0], 'authority'>,
): Promise<Result<unknown, Refusal>> {
  try {
    const authority = sshAuthorities.signer('client')
    const signed = await certifyClient({ ...order, authority })
    if (!signed.ok) return signed
    const { row, answer } = signed.value
    store.sshCa.logCertificate(row)
    const { id: serial, keyId, principals, userEmail, deviceId, validUntilMs } = row
    const validUntil = new Date(validUntilMs).toISOString()
    const about = { serial, keyId, principals, user: userEmail, deviceId, validUntil }
    log.info({ ...about, policy: order.grant.name }, 'ssh certificate issued')
    return { ok: true, value: answer }
  } catch (error) {
    if (!(error instanceof AuthorityUnavailable)) throw error
    log.error({ error: error.message }, 'ssh certificate not signed')
    return err('authority_unavailable')
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const SENTENCES: Readonly<Record<Refusal, string>> = {
  user_disabled: 'An administrator has disabled your account.',
  service_token_disabled: 'The token of this service is disabled.',
  service_token_expired: 'The token of this service has expired.',
  session_expired: 'Your login is too old for this. Run "zt login".',
  session_revoked: 'Your sessions were ended. Run "zt login".',
  certificate_not_permitted:
    'Policy gives you no SSH certificate. Use "zt ssh", or ask your administrator.',
  principal_not_permitted: 'Policy gives you no SSH certificate for this UNIX user.',
  invalid_request: 'The gateway did not understand the request.',
  too_many_requests: 'This device asked too often. Wait a minute.',
  device_refused: 'This device is not registered any more.',
  no_client_authority: 'This organisation gives out no SSH certificates. Use "zt ssh".',
  certificate_revoked: 'The SSH certificates of this device were revoked. Enrol it anew.',
  authority_unavailable: 'The gateway cannot sign now. Tell your administrator.',
  bad_public_key: 'The public key is none that is strong enough, or is itself a certificate.',
  key_type_refused: 'Keys of this kind are not allowed here. Try --key-type ecdsa.',
}
