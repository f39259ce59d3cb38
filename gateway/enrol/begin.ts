/**
 * The start of an enrolment: a device shows a certificate request and gets a pair of codes (RFC 8628 section 3.2).
 */
import { randomBytes } from 'node:crypto'
import type { DeviceAuthorization, DeviceAuthorizationRequest } from '#lib/api/enrol-api'
import { keyWords } from '#lib/enrol/key-words'
import { err, ok } from '#lib/result'
import { readDeviceRequest } from '../keys/device-request.ts'
import type { Enrolment } from '../store/store.ts'
import { about, codeDigest, type EnrolDeps, type Memories, type Outcome } from './enrol-deps.ts'
import { CODE_LIFETIME_MS, isDisplayName, POLL_INTERVAL_SECONDS } from './enrolment.ts'
import { formatUserCode, newUserCode } from './user-code.ts'

const DEVICE_CODE_OCTETS = 32

/** See `Enrolments.begin`. */
export async function begin(
  deps: EnrolDeps,
  memory: Memories,
  request: DeviceAuthorizationRequest,
  sourceAddress: string,
): Outcome<DeviceAuthorization> {
  if (!isDisplayName(request.device_name)) return err('bad_device_name')
  const key = await readDeviceRequest(request.csr)
  if (!key.ok) return err(key.error.reason)
  const { keySha256, publicKey } = key.value
  const registered = deps.store.devices.byKey(keySha256)
  if (registered?.revokedAtMs !== undefined) return err('device_revoked')
  forgetExpired(deps, memory)
  const deviceCode = randomBytes(DEVICE_CODE_OCTETS).toString('base64url')
  const userCode = freeUserCode(deps)
  const enrolment: Enrolment = {
    deviceCodeSha256: codeDigest(deviceCode),
    userCodeSha256: codeDigest(userCode),
    keySha256,
    csrPem: request.csr,
    deviceName: request.device_name,
    sourceAddress,
    expiresAtMs: deps.now() + CODE_LIFETIME_MS,
    state: 'pending',
    ...(registered === undefined ? {} : { deviceId: registered.id }),
  }
  deps.store.enrolments.insert(enrolment)
  deps.log.info(about(enrolment), 'enrolment begun')
  return ok({
    device_code: deviceCode,
    user_code: formatUserCode(userCode),
    verification_uri: `${deps.loginOrigin}/device`,
    key_words: keyWords(publicKey.export({ type: 'spki', format: 'der' })),
    expires_in: CODE_LIFETIME_MS / 1000,
    interval: POLL_INTERVAL_SECONDS,
  })
}

function forgetExpired({ store, now }: EnrolDeps, memory: Memories): void {
  // Kept for one more lifetime, so that a late poll hears why.
  store.enrolments.deleteExpired(now() - CODE_LIFETIME_MS)
  for (const [key, { expiresAtMs }] of memory) if (expiresAtMs <= now()) memory.delete(key)
}

function freeUserCode({ store }: Pick<EnrolDeps, 'store'>): string {
  const code = newUserCode()
  return store.enrolments.byUserCode(codeDigest(code)) === undefined
    ? code
    : freeUserCode({ store })
}
