/** The control socket, put together: commands of `zt`, and connections that it carries for programs. */
import type { DaemonStatus } from '#lib/api/control-api'
import type { Setting } from '#lib/api/setting'
import type { Result } from '#lib/result'
import type { DaemonConfig } from './config.ts'
import { createCarry } from './control/carried-flow-server.ts'
import { createCommands } from './control/control-commands-client.ts'
import { type ControlServer, startControlServer } from './control/control-server.ts'
import type { SocketRefusal } from './control/control-socket-os.ts'
import type { DaemonParts } from './daemon-parts-client.ts'
import { consult } from './doctor/doctor-client.ts'
import { openersOf } from './flow-client.ts'
import type { DaemonSurroundings } from './surroundings.ts'

export type DeviceControlDeps = {
  readonly config: DaemonConfig
  readonly surroundings: DaemonSurroundings
  readonly parts: DaemonParts
  readonly status: () => DaemonStatus
  readonly settings: () => readonly Setting[]
  readonly ownerUid: number
}

export function startDeviceControl({
  config,
  surroundings,
  parts,
  status,
  settings,
  ownerUid,
}: DeviceControlDeps): Promise<Result<ControlServer, SocketRefusal>> {
  const { device, told, names, portal, agent, dial, upstreamFor, flows, transparent } = parts
  const { log, machineName, version, logLines } = surroundings
  const looks = {
    ...{ config, dial, agent, upstreamFor, status, settings, version, logLines },
    changes: () => transparent?.changes ?? [],
    registration: () => device.registration,
  }
  return startControlServer({
    path: config.controlPath,
    ownerUid,
    daemonUid: surroundings.uid,
    handle: createCommands({
      ...{ device, told, names, portal, agent, status, settings, machineName, log },
      consult: (bundle) => consult(looks, bundle),
    }),
    carry: createCarry({
      names,
      openers: openersOf(flows),
      onlyPrivate: openersOf(flows, { onlyPrivate: true }),
    }),
    log,
  })
}
