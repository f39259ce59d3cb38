/** Ends what a device has open, and what it was given when it is revoked. */
import type { Log } from '#lib/log'
import type { FlowTable } from './flow/flow-table.ts'
import type { CutDevice } from './listeners-server.ts'
import type { OpenedData } from './open-data-os.ts'
import { clientKeyId } from './ssh-ca/client-certificate.ts'

export type CutDeps = {
  readonly table: FlowTable
  /** How each listener closes what a device has open with it. */
  readonly closers: readonly CutDevice[]
  readonly data: OpenedData
  readonly log: Log
}

export function createCutDevice({ table, closers, data, log }: CutDeps): CutDevice {
  return (deviceId, reason) => {
    const cutFlows = table.cutDevice(deviceId, reason)
    for (const close of closers) close(deviceId, reason)
    if (reason === 'device_revoked') revokeHeld(data, deviceId)
    log.info({ deviceId, reason, cutFlows }, 'device cut')
  }
}

/** The SSH certificates that people hold end with the registration of their device. */
function revokeHeld({ store, sshAuthorities }: OpenedData, deviceId: string): void {
  const device = store.devices.get(deviceId)
  const user = device && store.users.get(device.userId)
  if (user === undefined || sshAuthorities.trusted('client').length === 0) return
  sshAuthorities.revoke({ kind: 'key_id', value: clientKeyId(user.email, deviceId) })
}
