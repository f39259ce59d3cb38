/**
 * Whether the device behind a leaf may use the tunnel now. Asked when a connection opens and again for each flow,
 * since a connection outlives both its certificate and its registration.
 */
import { err, ok, type Result } from '#lib/result'
import type { Device } from '../store/store.ts'
import type { LeafIdentity } from './leaf-certificate.ts'

/** Why a device is not let in. */
export type AdmissionError = {
  readonly reason: 'device_unknown' | 'device_revoked' | 'device_expired'
}

/**
 * @param device row of `leaf.deviceId`, if there is one.
 * @param nowMs Unix milliseconds.
 */
export function admit(
  leaf: LeafIdentity,
  device: Device | undefined,
  nowMs: number,
): Result<Device, AdmissionError> {
  // A key that is not the registered one belongs to an earlier registration: its certificate is dead.
  if (device === undefined || device.keySha256 !== leaf.keySha256) {
    return err({ reason: 'device_unknown' })
  }
  if (device.revokedAtMs !== undefined) return err({ reason: 'device_revoked' })
  if (nowMs >= leaf.notAfterMs) return err({ reason: 'device_expired' })
  return ok(device)
}
