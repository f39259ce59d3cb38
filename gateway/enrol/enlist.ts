/**
 * A device becomes a registration: one key, one user. The last step of every way to enrol.
 */
import { randomUUID } from 'node:crypto'
import type { Enrolled } from '#lib/api/enrol-api'
import { err, ok } from '#lib/result'
import type { LoginContext } from '../identity/identity.ts'
import { issueDeviceCertificate } from '../keys/device-certificate.ts'
import { readDeviceRequest } from '../keys/device-request.ts'
import { serviceOf } from '../service-token/service-token.ts'
import type { Device, Enrolment, User } from '../store/store.ts'
import type { EnrolDeps, Outcome } from './enrol-deps.ts'
import { ownerVerdict } from './enrolment.ts'

/** What a device asked for, and who it is for. */
export type Enlistment = Pick<Enrolment, 'csrPem' | 'deviceName' | 'deviceId'> & {
  readonly user: User
  readonly login: LoginContext
}

/** Registers the key of the request for the user, or finds it registered so, and issues its certificate. */
export async function enlist(deps: EnrolDeps, enlistment: Enlistment): Outcome<Enrolled> {
  const { csrPem, deviceName, user, login } = enlistment
  const { store, now } = deps
  const key = await readDeviceRequest(csrPem)
  if (!key.ok) return err(key.error.reason)
  // No await between asking for the key's registration and making it: one key has one registration.
  const registered = store.devices.byKey(key.value.keySha256)
  const owner = ownerVerdict(enlistment, registered, user.id)
  if (!owner.ok) return owner
  const device = registered ?? register(deps, enlistment, key.value.keySha256)
  const issued = await issueDeviceCertificate(deps.deviceCa, key.value, device.id, now())
  const certificateNotAfterMs = issued.notAfterMs
  store.devices.update(device.id, { name: deviceName, login, certificateNotAfterMs })
  deps.tell({ kind: 'device', deviceId: device.id })
  return ok({
    certificate: issued.certificatePem,
    device_ca: deps.deviceCa.certificatePem,
    gateway_ca: deps.gatewayCaPem,
    tunnel_url: deps.tunnelUrl,
    device_id: device.id,
    ...(serviceOf(user) === undefined && { user_email: user.email }),
  })
}

function register(
  { store, now }: EnrolDeps,
  { user, deviceName, login }: Enlistment,
  keySha256: string,
): Device {
  const enrolledAtMs = now()
  const id = randomUUID()
  const device = { id, userId: user.id, name: deviceName, keySha256, enrolledAtMs, login }
  store.devices.insert(device)
  return device
}
