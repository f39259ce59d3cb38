/** The key of codes that lift the lock of one device. Pure; the gateway keeps none of them. */
import { hkdfSync, type KeyObject } from 'node:crypto'
import { OVERRIDE_KEY_OCTETS } from '#lib/enrol/override-code'

/** @param seed secret of this gateway, from which other keys are derived for other purposes. */
export function overrideKeyOf(seed: KeyObject, deviceId: string): Uint8Array {
  return Buffer.from(
    hkdfSync('sha256', seed, '', `zt override key\0${deviceId}`, OVERRIDE_KEY_OCTETS),
  )
}
