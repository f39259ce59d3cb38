/**
 * Renewal of a device certificate: over the tunnel while the leaf is valid, over the login listener up to 30 days after.
 * It grants nothing but the same name for the same key: the registration must stand.
 */
import { X509Certificate } from 'node:crypto'
import type { EnrolReason, Renewed, RenewRequest } from '#lib/api/enrol-api'
import { checkRenewalProof } from '#lib/enrol/renewal-proof'
import type { Log } from '#lib/log'
import { err, ok, type Result } from '#lib/result'
import { issueDeviceCertificate } from '../keys/device-certificate.ts'
import { type DeviceKey, readDeviceRequest } from '../keys/device-request.ts'
import type { Authority } from '../keys/gateway-keys.ts'
import type { ServiceTokens } from '../service-token/service-tokens-store.ts'
import type { Device, Store } from '../store/store.ts'
import { type LeafIdentity, readLeaf } from '../tunnel/leaf-certificate.ts'

/** A leaf that lapsed longer ago is not renewed, ms: a laptop in a drawer is enrolled anew. */
export const RENEWAL_LAPSE_MS = 30 * 86_400_000

export type RenewDeps = {
  readonly store: Pick<Store, 'devices' | 'users'>
  readonly serviceTokens: Pick<ServiceTokens, 'use'>
  readonly deviceCa: Authority
  /** Unix milliseconds. */
  readonly now: () => number
  readonly log: Log
}

/** Where a request came in. */
export type RenewalPlace = {
  /** Origin of the listener asked, `https://host:port`: the proof names it. */
  readonly audience: string
  /** Device of the tunnel connection it came over; the leaf must name the same. */
  readonly deviceId?: string
}

/** Checks a request and issues. Order: chain, key, proof, and only then the registration, so that strangers learn nothing. */
export async function renewDevice(
  deps: RenewDeps,
  request: RenewRequest,
  place: RenewalPlace,
): Promise<Result<Renewed, EnrolReason>> {
  const renewed = await renew(deps, request, place)
  if (!renewed.ok) {
    const via = place.deviceId === undefined ? {} : { deviceId: place.deviceId }
    deps.log.warn({ ...via, reason: renewed.error }, 'renewal refused')
  }
  return renewed
}

async function renew(
  deps: RenewDeps,
  request: RenewRequest,
  { audience, deviceId }: RenewalPlace,
): Promise<Result<Renewed, EnrolReason>> {
  const nowMs = deps.now()
  const leaf = readLapsedLeaf(request.certificate_pem, deps.deviceCa, nowMs)
  if (!leaf.ok) return leaf
  if (deviceId !== undefined && deviceId !== leaf.value.deviceId) return err('key_mismatch')
  const key = await readDeviceRequest(request.csr)
  if (!key.ok) return err(key.error.reason)
  if (key.value.keySha256 !== leaf.value.keySha256) return err('key_mismatch')
  const claims = { csrPem: request.csr, audience, nowSeconds: Math.floor(nowMs / 1000) }
  const proof = await checkRenewalProof(request.proof, key.value.publicKey, claims)
  if (!proof.ok) return err(proof.error.reason)
  const device = standing(deps.store.devices.get(leaf.value.deviceId), leaf.value)
  if (!device.ok) return device
  const owner = useOf(deps, device.value)
  return owner.ok ? issue(deps, device.value, key.value, nowMs) : owner
}

function readLapsedLeaf(
  pem: string,
  deviceCa: Authority,
  nowMs: number,
): Result<LeafIdentity, EnrolReason> {
  const certificate = parse(pem)
  if (certificate === undefined) return err('bad_certificate')
  const notAfterMs = Date.parse(certificate.validTo)
  // As if asked in time: everything but the end of its life is checked as for a tunnel.
  const asOfMs = Math.min(nowMs, notAfterMs - 1)
  const leaf = readLeaf(certificate, new X509Certificate(deviceCa.certificatePem), asOfMs)
  if (!leaf.ok) return err('bad_certificate')
  return nowMs - notAfterMs > RENEWAL_LAPSE_MS ? err('certificate_too_old') : leaf
}

function parse(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem)
  } catch {
    return undefined
  }
}

function standing(device: Device | undefined, leaf: LeafIdentity): Result<Device, EnrolReason> {
  if (device === undefined || device.keySha256 !== leaf.keySha256) return err('device_unknown')
  return device.revokedAtMs === undefined ? ok(device) : err('device_revoked')
}

/** Whose the device is must stand too: a service's token. */
function useOf({ store, serviceTokens }: RenewDeps, device: Device): Result<void, EnrolReason> {
  const user = store.users.get(device.userId)
  return user === undefined ? err('device_unknown') : serviceTokens.use(user)
}

async function issue(
  { store, deviceCa, log }: RenewDeps,
  device: Device,
  key: DeviceKey,
  nowMs: number,
): Promise<Result<Renewed, EnrolReason>> {
  const issued = await issueDeviceCertificate(deviceCa, key, device.id, nowMs)
  store.devices.update(device.id, { certificateNotAfterMs: issued.notAfterMs })
  log.info({ deviceId: device.id }, 'device certificate renewed')
  return ok({ certificate: issued.certificatePem })
}
