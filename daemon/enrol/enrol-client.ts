/**
 * The device's side of enrolment: device-code flow against the gateway (RFC 8628) with the device's own key, and renewal.
 */
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import type { Agent } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LoginPrompt } from '#lib/api/control-api'
import {
  type DeviceAuthorization,
  decodeDeviceAuthorization,
  decodeEnrolError,
  decodeEnrolled,
  decodeRenewed,
  ENROL_PATHS,
  type Enrolled,
} from '#lib/api/enrol-api'
import { signRenewalProof } from '#lib/enrol/renewal-proof'
import { SERVICE_HEADERS, type ServiceCredentials } from '#lib/enrol/service-credentials'
import { err, ok, type Result } from '#lib/result'
import { certificateRequest, wordsOfKey } from './device-key.ts'
import { matchCa } from './gateway-trust.ts'
import { exchange, parseJson } from './https-json-client.ts'
import type { Registration } from './registration.ts'

/** Why enrolment or renewal came to nothing; `reason` is a stable code, `detail` a sentence. */
export type EnrolFailure = { readonly reason: string; readonly detail: string }

/** RFC 8628 section 3.5: on `slow_down` the interval grows by this much. */
const SLOW_DOWN_SECONDS = 5

/** How the login origin is reached and trusted. */
export type LoginOrigin = {
  readonly url: URL
  /** CA that vouches for it; absent = the system's CAs. */
  readonly ca?: string
  readonly agent?: Agent
}

/**
 * Gets the gateway CA and takes it only with the printed fingerprint; the connection itself proves nothing.
 * @param sha256 from `parseFingerprint`.
 */
export async function fetchGatewayCa(
  origin: LoginOrigin,
  sha256: string,
): Promise<Result<string, EnrolFailure>> {
  const url = new URL(ENROL_PATHS.gatewayCa, origin.url)
  const answer = await attempt({ url, ...through(origin), acceptAnyCertificate: true })
  if (!answer.ok) return answer
  const ca = matchCa(answer.value.body, sha256)
  if (ca.ok) return ok(ca.value)
  return err({
    reason: ca.error.reason,
    detail: `The CA of ${origin.url.origin} does not have the fingerprint you gave. Ask your administrator; somebody may sit in between.`,
  })
}

/** Runs the device-code flow to its end. `onPrompt` is called once, when there is something to type. */
export async function enrolDevice(
  origin: LoginOrigin,
  device: { readonly key: string; readonly name: string },
  onPrompt: (prompt: LoginPrompt) => void,
  signal: AbortSignal,
): Promise<Result<Enrolled, EnrolFailure>> {
  const csr = await certificateRequest(device.key)
  const asked = await call(origin, ENROL_PATHS.deviceAuthorization, {
    csr,
    device_name: device.name,
  })
  if (!asked.ok) return asked
  const authorization = decodeDeviceAuthorization(asked.value)
  if (!authorization.ok) return err(badAnswer(authorization.error.detail))
  const keyWords = wordsOfKey(device.key)
  if (authorization.value.key_words !== keyWords) {
    return err({
      reason: 'key_mismatch',
      detail: 'The gateway answered for another key. Somebody may sit in between.',
    })
  }
  onPrompt(promptOf(authorization.value, keyWords, Date.now()))
  const enrolled = await poll(origin, authorization.value, signal)
  return enrolled.ok ? checkEnrolled(enrolled.value, device.key) : enrolled
}

/** Enrols for a service, at once and without a person. The secret is sent in a header, and kept nowhere. */
export async function enrolService(
  origin: LoginOrigin,
  device: { readonly key: string; readonly name: string },
  { id, secret }: ServiceCredentials,
): Promise<Result<Enrolled, EnrolFailure>> {
  const body = { csr: await certificateRequest(device.key), device_name: device.name }
  const headers = { [SERVICE_HEADERS.id]: id, [SERVICE_HEADERS.secret]: secret }
  const answer = await call(origin, ENROL_PATHS.service, body, headers)
  if (!answer.ok) return answer
  const enrolled = decodeEnrolled(answer.value)
  if (!enrolled.ok) return err(badAnswer(enrolled.error.detail))
  return checkEnrolled(enrolled.value, device.key)
}

function promptOf(
  authorization: DeviceAuthorization,
  keyWords: string,
  nowMs: number,
): LoginPrompt {
  return {
    verificationUrl: authorization.verification_uri,
    userCode: authorization.user_code,
    keyWords,
    expiresAt: new Date(nowMs + authorization.expires_in * 1000).toISOString(),
  }
}

async function poll(
  origin: LoginOrigin,
  authorization: DeviceAuthorization,
  signal: AbortSignal,
): Promise<Result<Enrolled, EnrolFailure>> {
  const deadlineMs = Date.now() + authorization.expires_in * 1000
  let intervalSeconds = authorization.interval
  while (Date.now() < deadlineMs) {
    try {
      await sleep(intervalSeconds * 1000, undefined, { signal })
    } catch {
      return err({ reason: 'cancelled', detail: 'The login was cancelled.' })
    }
    const answer = await call(origin, ENROL_PATHS.token, { device_code: authorization.device_code })
    if (answer.ok) {
      const enrolled = decodeEnrolled(answer.value)
      return enrolled.ok ? enrolled : err(badAnswer(enrolled.error.detail))
    }
    const { reason } = answer.error
    if (reason === 'slow_down') intervalSeconds += SLOW_DOWN_SECONDS
    // A gateway that restarts meanwhile keeps the code (RFC 8628 section 3.5: go on after time-outs).
    else if (reason !== 'authorization_pending' && reason !== 'gateway_unreachable') return answer
  }
  return err({ reason: 'expired_token', detail: 'Nobody logged in in time. Start again.' })
}

/** The gateway may err; a certificate of another key would fail later and without a reason. */
function checkEnrolled(enrolled: Enrolled, keyPem: string): Result<Enrolled, EnrolFailure> {
  return isCertificateOf(enrolled.certificate, keyPem)
    ? ok(enrolled)
    : err(badAnswer('the certificate is not for our key'))
}

function isCertificateOf(certificatePem: string, keyPem: string): boolean {
  try {
    const { publicKey } = new X509Certificate(certificatePem)
    return publicKey.equals(createPublicKey(keyPem))
  } catch {
    return false
  }
}

/** The body of a renewal request, for the login origin or for the tunnel's `/renew`. */
export async function renewalBody(
  { key, certificate }: Pick<Registration, 'key' | 'certificate'>,
  audience: string,
  nowSeconds: number,
) {
  const csr = await certificateRequest(key)
  const proof = await signRenewalProof(createPrivateKey(key), {
    csrPem: csr,
    audience,
    nowSeconds,
  })
  return { certificate_pem: certificate, csr, proof }
}

/** Takes the answer to a renewal apart. @returns the new certificate, PEM, of the same key. */
export function readRenewal(body: unknown, keyPem: string): Result<string, EnrolFailure> {
  const renewed = decodeRenewed(body)
  if (!renewed.ok) return err(badAnswer(renewed.error.detail))
  return isCertificateOf(renewed.value.certificate, keyPem)
    ? ok(renewed.value.certificate)
    : err(badAnswer('the certificate is not for our key'))
}

/** Renews over the login origin: for a leaf that lapsed and opens no tunnel any more. */
export async function renewLapsed(
  origin: LoginOrigin,
  registration: Registration,
): Promise<Result<string, EnrolFailure>> {
  const nowSeconds = Math.floor(Date.now() / 1000)
  const body = await renewalBody(registration, origin.url.origin, nowSeconds)
  const answer = await call(origin, ENROL_PATHS.renew, body)
  return answer.ok ? readRenewal(answer.value, registration.key) : answer
}

function through({ agent }: LoginOrigin): { agent?: Agent } {
  return agent === undefined ? {} : { agent }
}

async function attempt(
  options: Parameters<typeof exchange>[0],
): Promise<Result<{ status: number; body: string }, EnrolFailure>> {
  try {
    return ok(await exchange(options))
  } catch (failure) {
    return err({ reason: 'gateway_unreachable', detail: whyNoAnswer(options, failure) })
  }
}

/** Codes of OpenSSL for a chain that ends at no CA of this machine. */
const NOBODY_VOUCHES = /^(DEPTH_ZERO_)?SELF_SIGNED_CERT|^UNABLE_TO_(GET_ISSUER|VERIFY_LEAF)/

function whyNoAnswer({ url, ca }: Pick<LoginOrigin, 'url' | 'ca'>, failure: unknown): string {
  const cause: NodeJS.ErrnoException =
    failure instanceof Error ? failure : new Error(String(failure))
  return ca === undefined && NOBODY_VOUCHES.test(cause.code ?? '')
    ? `No CA of this machine vouches for ${url.origin} (${cause.message}). Ask your administrator for the fingerprint of its CA, and name it with --ca-sha256.`
    : `${url.origin} does not answer, or nothing vouches for its certificate: ${cause.message}`
}

async function call(
  origin: LoginOrigin,
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Result<unknown, EnrolFailure>> {
  const ca = origin.ca === undefined ? {} : { ca: origin.ca }
  const url = new URL(path, origin.url)
  const answer = await attempt({ url, body, headers, ...ca, ...through(origin) })
  if (!answer.ok) return answer
  const json = parseJson(answer.value.body)
  if (answer.value.status === 200) return ok(json)
  const refused = decodeEnrolError(json)
  if (!refused.ok) return err(badAnswer(`status ${answer.value.status}`))
  const { error, error_description } = refused.value
  return err({ reason: error, detail: error_description ?? `The gateway refused: ${error}.` })
}

function badAnswer(detail: string): EnrolFailure {
  return {
    reason: 'bad_answer',
    detail: `The gateway gave an answer we do not understand: ${detail}`,
  }
}
