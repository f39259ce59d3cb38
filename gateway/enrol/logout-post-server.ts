/**
 * A device gives its registration up: `POST /logout` on a connection of its own. What it leaves behind, or a copy of
 * its key, is worth nothing from then on.
 */
import type { Log } from '#lib/log'
import type { Store } from '../store/store.ts'
import type { PostHandler } from '../tunnel/incoming.ts'

export type LogoutDeps = {
  readonly devices: Store['devices']
  /** Ends every connection of a device. */
  readonly cutDevice: (deviceId: string, reason: string) => void
  /** Unix milliseconds. */
  readonly now: () => number
  readonly log: Log
}

/** For the answer to leave before the connection is closed, ms. */
const ANSWER_MS = 200

/** Makes the answer to `POST /logout`; again for a device that is gone already. */
export function logoutPost({ devices, cutDevice, now, log }: LogoutDeps): PostHandler {
  return async ({ leaf: { deviceId } }) => {
    if (devices.get(deviceId)?.revokedAtMs === undefined) {
      devices.update(deviceId, { revokedAtMs: now() })
      log.info({ deviceId }, 'device logged out')
    }
    setTimeout(() => cutDevice(deviceId, 'device_revoked'), ANSWER_MS)
    return { status: 200, body: '{}' }
  }
}
