/**
 * The end of an enrolment: the device polls, and when a person has confirmed it collects its certificate, once.
 */
import { randomUUID } from 'node:crypto'
import type { Enrolled } from '#lib/api/enrol-api'
import { err, ok } from '#lib/result'
import type { LoginContext } from '../identity/identity.ts'
import { issueDeviceCertificate } from '../keys/device-certificate.ts'
import { readDeviceRequest } from '../keys/device-request.ts'
import type { Device, Enrolment, User } from '../store/store.ts'
import { about, codeDigest, type EnrolDeps, type Memories, type Outcome } from './enrol-deps.ts'
import { ownerVerdict, pollVerdict } from './enrolment.ts'

/** See `Enrolments.poll`. */
export async function poll(
  deps: EnrolDeps,
  memory: Memories,
  deviceCode: string,
): Outcome<Enrolled> {
  const key = codeDigest(deviceCode)
  const enrolment = deps.store.enrolments.byDeviceCode(key)
  const kept = memory.get(key)
  const nowMs = deps.now()
  const verdict = pollVerdict(enrolment, kept?.lastPollMs, nowMs)
  if (enrolment === undefined) return err('invalid_grant')
  memory.set(key, { ...kept, expiresAtMs: enrolment.expiresAtMs, lastPollMs: nowMs })
  if (verdict === 'access_denied') return err(kept?.reason ?? verdict)
  return verdict === 'issue' ? collect(deps, enrolment) : err(verdict)
}

/** The code is spent before anything is made, so that two polls at once get one certificate. */
async function collect(deps: EnrolDeps, enrolment: Enrolment): Outcome<Enrolled> {
  const { store } = deps
  const user = store.users.get(enrolment.userId ?? '')
  const spent = store.enrolments.move(enrolment.deviceCodeSha256, 'approved', 'used')
  if (user === undefined || !spent) return err('invalid_grant')
  const registered = store.devices.byKey(enrolment.keySha256)
  const owner = ownerVerdict(enrolment, registered, user.id)
  if (!owner.ok) return owner
  const key = await readDeviceRequest(enrolment.csrPem)
  if (!key.ok) return err(key.error.reason)
  // No await between asking for the key's registration and making it: one key has one registration.
  const device = store.devices.byKey(enrolment.keySha256) ?? register(deps, enrolment, user)
  if (device.userId !== user.id) return err('already_enrolled')
  const issued = await issueDeviceCertificate(deps.deviceCa, key.value, device.id, deps.now())
  store.devices.update(device.id, {
    name: enrolment.deviceName,
    login: loginOf(enrolment),
    certificateNotAfterMs: issued.notAfterMs,
  })
  deps.tell({ kind: 'device', deviceId: device.id })
  deps.log.info(about(enrolment, { deviceId: device.id, userId: user.id }), 'device enrolled')
  return ok({
    certificate: issued.certificatePem,
    device_ca: deps.deviceCa.certificatePem,
    gateway_ca: deps.gatewayCaPem,
    tunnel_url: deps.tunnelUrl,
    device_id: device.id,
    user_email: user.email,
  })
}

function register({ store, now }: EnrolDeps, enrolment: Enrolment, user: User): Device {
  const device: Device = {
    id: randomUUID(),
    userId: user.id,
    name: enrolment.deviceName,
    keySha256: enrolment.keySha256,
    enrolledAtMs: now(),
    login: loginOf(enrolment),
  }
  store.devices.insert(device)
  return device
}

/** Of the person who confirmed: an enrolment without one is never collected. */
function loginOf({ login }: Enrolment): LoginContext {
  if (login === undefined) throw new Error('an approved enrolment without a login')
  return login
}
