/**
 * What the person at the device reads for each refusal. The reason itself goes along and is stable.
 */
import type { EnrolReason } from '#lib/api/enrol-api'

/** Cause and remedy in a sentence; gives away nothing about other people's devices. */
export function enrolSentence(reason: EnrolReason): string {
  return SENTENCES[reason]
}

const SENTENCES: Readonly<Record<EnrolReason, string>> = {
  authorization_pending: 'Nobody has confirmed this device yet.',
  slow_down: 'Ask less often.',
  access_denied: 'The request was denied in the browser. Start again if that was a mistake.',
  expired_token: 'The code has expired. Start again.',
  invalid_grant: 'This code is unknown or was used already. Start again.',
  invalid_request: 'The gateway does not understand the request.',
  bad_csr: 'The certificate request cannot be read, or its key did not sign it.',
  bad_key_type: 'The device key must be P-256.',
  bad_device_name: 'The device name holds characters that cannot be shown.',
  too_many_requests: 'Too many requests. Wait a minute.',
  already_enrolled: 'This device is enrolled for another user already.',
  different_user: 'The login was by another user than the one this device is enrolled for.',
  device_unknown: 'This device is not enrolled. Run "zt enroll".',
  device_revoked: 'This device was revoked. Ask your administrator, then run "zt enroll".',
  bad_certificate: 'The certificate is not one of this gateway for a device.',
  certificate_too_old: 'The certificate expired too long ago. Run "zt enroll".',
  bad_proof: 'The proof that the device holds its key is not valid. Check the clock of the device.',
  bad_service_token: 'The id or the secret of the service token is wrong.',
  service_token_disabled: 'The service token is disabled. Ask your administrator.',
  service_token_expired: 'The service token has expired. Have it rotated.',
  key_mismatch: 'The request is for another key than the certificate.',
}
