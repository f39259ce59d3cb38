/**
 * Enrols this device, or logs its user in again with the same key: from what `zt` said to a registration to keep.
 */
import type { Agent } from 'node:https'
import type { LoginPrompt } from '#lib/api/control-api'
import type { ServiceCredentials } from '#lib/enrol/service-credentials'
import { err, ok, type Result } from '#lib/result'
import { generateDeviceKey } from './device-key.ts'
import {
  type EnrolFailure,
  enrolDevice,
  enrolService,
  fetchGatewayCa,
  type LoginOrigin,
} from './enrol-client.ts'
import { matchCa, parseFingerprint, parseLoginUrl } from './gateway-trust.ts'
import type { Registration } from './registration.ts'

/** What the user named, and who it is by the kernel's word. */
export type EnrolWish = {
  readonly url: string
  readonly caSha256?: string
  readonly deviceName: string
  readonly ownerUid: number
  /** To enrol for a service. */
  readonly serviceToken?: ServiceCredentials
}

/** How to talk meanwhile, and through what. */
export type EnrolTalk = {
  readonly agent: Agent
  readonly onPrompt: (prompt: LoginPrompt) => void
  readonly signal: AbortSignal
}

/** Runs an enrolment with a fresh key; nothing is kept unless it ends well. */
export async function enrolNew(
  wish: EnrolWish,
  talk: EnrolTalk,
): Promise<Result<Registration, EnrolFailure>> {
  const origin = await trustedOrigin(wish, talk.agent)
  if (!origin.ok) return origin
  const key = generateDeviceKey()
  const device = { key, name: wish.deviceName }
  const enrolled =
    wish.serviceToken === undefined
      ? await enrolDevice(origin.value, device, talk.onPrompt, talk.signal)
      : await enrolService(origin.value, device, wish.serviceToken)
  if (!enrolled.ok) return enrolled
  const { certificate, gateway_ca, tunnel_url, device_id, user_email } = enrolled.value
  if (!isSameCa(gateway_ca, wish.caSha256)) return err(OTHER_CA)
  const { ca } = origin.value
  return ok({
    version: 1,
    loginUrl: origin.value.url.origin,
    tunnelUrl: tunnel_url,
    deviceId: device_id,
    ...(user_email === undefined ? {} : { userEmail: user_email }),
    ownerUid: wish.ownerUid,
    key,
    certificate,
    gatewayCa: gateway_ca,
    ...(ca === undefined ? {} : { loginCa: ca }),
  })
}

/** Runs the same flow with the device's own key: a fresh login, and a fresh certificate. */
export async function loginAgain(
  registration: Registration,
  deviceName: string,
  talk: EnrolTalk,
): Promise<Result<Registration, EnrolFailure>> {
  if (registration.userEmail === undefined) return err(NO_PERSON)
  const device = { key: registration.key, name: deviceName }
  const origin = loginOriginOf(registration, talk.agent)
  const enrolled = await enrolDevice(origin, device, talk.onPrompt, talk.signal)
  if (!enrolled.ok) return enrolled
  const { certificate, tunnel_url, device_id, user_email } = enrolled.value
  if (user_email !== registration.userEmail) return err(DIFFERENT_USER)
  // The pinned gateway CA stays: a login is no occasion to exchange it.
  return ok({ ...registration, certificate, tunnelUrl: tunnel_url, deviceId: device_id })
}

/** Where a registered device logs in and renews. */
export function loginOriginOf({ loginUrl, loginCa }: Registration, agent: Agent): LoginOrigin {
  return { url: new URL(loginUrl), agent, ...(loginCa === undefined ? {} : { ca: loginCa }) }
}

async function trustedOrigin(
  { url, caSha256 }: EnrolWish,
  agent: Agent,
): Promise<Result<LoginOrigin, EnrolFailure>> {
  const parsed = parseLoginUrl(url)
  if (!parsed.ok) return err(BAD_URL)
  const origin = { url: parsed.value, agent }
  if (caSha256 === undefined) return ok(origin)
  const fingerprint = parseFingerprint(caSha256)
  if (!fingerprint.ok) return err(BAD_FINGERPRINT)
  const ca = await fetchGatewayCa(origin, fingerprint.value)
  return ca.ok ? ok({ ...origin, ca: ca.value }) : ca
}

/** With a printed fingerprint the CA to pin must be the one that was printed. */
function isSameCa(pem: string, caSha256: string | undefined): boolean {
  if (caSha256 === undefined) return true
  const fingerprint = parseFingerprint(caSha256)
  return fingerprint.ok && matchCa(pem, fingerprint.value).ok
}

const BAD_URL: EnrolFailure = {
  reason: 'bad_url',
  detail: 'Name the gateway as https://HOST[:PORT], without a path.',
}
const BAD_FINGERPRINT: EnrolFailure = {
  reason: 'bad_fingerprint',
  detail: 'A fingerprint is the SHA-256 of the gateway CA: 64 hexadecimal digits.',
}
const OTHER_CA: EnrolFailure = {
  reason: 'fingerprint_mismatch',
  detail: 'The gateway wants another CA pinned than the one whose fingerprint you gave.',
}
const NO_PERSON: EnrolFailure = {
  reason: 'service_device',
  detail: 'This device acts for a service: nobody logs in. To enrol it anew, "zt logout" first.',
}
const DIFFERENT_USER: EnrolFailure = {
  reason: 'different_user',
  detail: 'Another user logged in. This device belongs to the user who enrolled it.',
}
