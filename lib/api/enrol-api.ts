/**
 * The enrolment JSON between daemon and gateway's login listener (RFC 8628 with a CSR), with decoders for both sides.
 * Requests are decoded strictly, answers leniently: an older daemon must understand a newer gateway.
 */
import { z } from 'zod'
import { err, ok, type Result } from '#lib/result'

/** Paths on the login listener; those `OverTunnel` are on the tunnel listener. */
export const ENROL_PATHS = {
  deviceAuthorization: '/enrol/device_authorization',
  token: '/enrol/token',
  service: '/enrol/service',
  renew: '/enrol/renew',
  renewOverTunnel: '/renew',
  logoutOverTunnel: '/logout',
  sshCertificateOverTunnel: '/ssh-certificate',
  gatewayCa: '/ca.pem',
} as const

/** Longest body that the enrolment endpoints read, in bytes: a P-256 CSR and certificate are about 1 KiB each. */
export const ENROL_BODY_LIMIT_BYTES = 16 * 1024
/** Longest PEM that is looked at, in characters. */
const PEM_LIMIT = 4096
/** A device states its host name; longer names are cut by the page anyway. */
const DEVICE_NAME_LIMIT = 64

const pem = z.string().min(1).max(PEM_LIMIT)

const deviceAuthorizationRequest = z.strictObject({
  /** PKCS#10, PEM, P-256 key, signed by it (RFC 2986). */
  csr: pem,
  device_name: z.string().min(1).max(DEVICE_NAME_LIMIT),
})
const deviceAuthorization = z.object({
  device_code: z.string().min(1).max(256),
  user_code: z.string().min(1).max(32),
  verification_uri: z.string().min(1).max(2048),
  /** The daemon shows the words of its own key and refuses when these differ. */
  key_words: z.string().min(1).max(128),
  /** Seconds until both codes expire. */
  expires_in: z.number().int().positive(),
  /** Seconds between two polls, at least. */
  interval: z.number().int().positive(),
})
const tokenRequest = z.strictObject({ device_code: z.string().min(1).max(256) })
const enrolled = z.object({
  /** Device certificate, PEM. */
  certificate: pem,
  /** CA that signed it, PEM; to be sent along is not needed. */
  device_ca: pem.optional(),
  /** CA of the gateway's own listeners, PEM: pin it. */
  gateway_ca: pem,
  tunnel_url: z.string().min(1).max(2048),
  device_id: z.string().min(1).max(64),
  /** Absent: the device is a service's. */
  user_email: z.string().min(1).max(320).exactOptional(),
})
const renewRequest = z.strictObject({
  /** The leaf to be renewed, PEM; may have expired at most 30 days ago. */
  certificate_pem: pem,
  /** CSR of the same key, PEM. */
  csr: pem,
  /** See lib/enrol/renewal-proof.ts; the audience is the origin of the listener asked. */
  proof: z.string().min(1).max(2048),
})
const renewed = z.object({ certificate: pem })
const enrolError = z.object({
  error: z.string().min(1).max(64),
  error_description: z.string().max(1024).optional(),
})

export type DeviceAuthorizationRequest = Readonly<z.infer<typeof deviceAuthorizationRequest>>
export type DeviceAuthorization = Readonly<z.infer<typeof deviceAuthorization>>
export type TokenRequest = Readonly<z.infer<typeof tokenRequest>>
export type Enrolled = Readonly<z.infer<typeof enrolled>>
export type RenewRequest = Readonly<z.infer<typeof renewRequest>>
export type Renewed = Readonly<z.infer<typeof renewed>>

/** `error` of a refused enrolment call (RFC 8628 section 3.5, and ours). Never renamed. */
export const ENROL_REASONS = [
  'authorization_pending',
  'slow_down',
  'access_denied',
  'expired_token',
  'invalid_grant',
  'invalid_request',
  'bad_csr',
  'bad_key_type',
  'bad_device_name',
  'too_many_requests',
  'already_enrolled',
  'different_user',
  'device_unknown',
  'device_revoked',
  'bad_certificate',
  'certificate_too_old',
  'bad_proof',
  'key_mismatch',
  'bad_service_token',
  'service_token_disabled',
  'service_token_expired',
] as const
export type EnrolReason = (typeof ENROL_REASONS)[number]

/** Body of a refused call. `error` is an `EnrolReason`, or one that this version does not know yet. */
export type EnrolError = Readonly<z.infer<typeof enrolError>>

/** Why a body was not understood: where, and what was wrong there. Holds no value of the body. */
export type DecodeError = { readonly reason: 'bad_message'; readonly detail: string }

type Decoded<T> = Result<T, DecodeError>

/** Decodes the body of `POST /enrol/device_authorization` and of `POST /enrol/service`. */
export function decodeDeviceAuthorizationRequest(
  body: unknown,
): Decoded<DeviceAuthorizationRequest> {
  return decode(deviceAuthorizationRequest, body)
}

/** Decodes its answer. */
export function decodeDeviceAuthorization(body: unknown): Decoded<DeviceAuthorization> {
  return decode(deviceAuthorization, body)
}

/** Decodes the body of `POST /enrol/token`. */
export function decodeTokenRequest(body: unknown): Decoded<TokenRequest> {
  return decode(tokenRequest, body)
}

/** Decodes its answer, and that of `POST /enrol/service`. */
export function decodeEnrolled(body: unknown): Decoded<Enrolled> {
  return decode(enrolled, body)
}

/** Decodes the body of `POST /enrol/renew` and of `POST /renew` on the tunnel listener. */
export function decodeRenewRequest(body: unknown): Decoded<RenewRequest> {
  return decode(renewRequest, body)
}

/** Decodes their answer. */
export function decodeRenewed(body: unknown): Decoded<Renewed> {
  return decode(renewed, body)
}

/** Decodes the body of any refusal. */
export function decodeEnrolError(body: unknown): Decoded<EnrolError> {
  return decode(enrolError, body)
}

function decode<T>(schema: z.ZodType<T>, body: unknown): Decoded<T> {
  const parsed = schema.safeParse(body)
  if (parsed.success) return ok(parsed.data)
  const [issue] = parsed.error.issues
  return err({
    reason: 'bad_message',
    detail: `${issue?.path.join('.') ?? ''}: ${issue?.code ?? ''}`,
  })
}
