/**
 * The daemon, put together: registration, tunnel, proxy port, control socket. Nothing here reads argv or environment.
 */

import type { DaemonStatus } from '#lib/api/control-api'
import type { Setting } from '#lib/api/setting'
import { loadKoffi } from '#lib/koffi-os'
import type { Log } from '#lib/log'
import { err, ok, type Result } from '#lib/result'
import type { DaemonConfig } from './config.ts'
import { type DaemonParts, NO_GATEWAY, openParts } from './daemon-parts-client.ts'
import { startDeviceControl } from './device-control-server.ts'
import { identityStoreIn } from './enrol/identity-store.ts'
import { openersOf } from './flow-client.ts'
import { lookAround } from './life/look-os.ts'
import { watchSurroundings } from './life/watch-job.ts'
import { createOwnerLookup } from './listen/connection-owner-os.ts'
import { printPac } from './listen/pac.ts'
import { type ProxyServer, startProxyServer } from './listen/proxy-server.ts'
import { modeObstacle } from './mode.ts'
import { momentNow } from './moment-os.ts'
import { listSettings } from './settings.ts'
import {
  CONTROL_FAILURES,
  type StartFailure,
  stateFailure,
  UPSTREAM_FAILURES,
} from './start-failure.ts'
import { statusOf } from './status.ts'
import type { DaemonSurroundings } from './surroundings.ts'
import { parseUpstream, upstreamUrlFor } from './upstream/upstream-proxy.ts'

export interface Daemon {
  readonly proxyPort: number
  readonly controlPath: string
  /** Closes both listeners and the tunnel; what is on disk stays. */
  stop(): Promise<void>
}

/** Starts everything. @throws {Error} when a port or a path cannot be had. */
export async function startDaemon(
  config: DaemonConfig,
  surroundings: DaemonSurroundings,
): Promise<Result<Daemon, StartFailure>> {
  const { log, platform } = surroundings
  const obstacle = modeObstacle(config, { platform, hasKoffi: loadKoffi() !== undefined })
  if (obstacle !== undefined) return err(obstacle)
  const store = identityStoreIn(config.stateDir)
  const loaded = store.load()
  if (!loaded.ok) return err(stateFailure(loaded.error.reason, loaded.error.file))

  let listening: ProxyServer | undefined
  const ownPorts = (): readonly number[] => (listening === undefined ? [] : [listening.port])
  const parts = openParts(config, surroundings, store, ownPorts)
  const { device, portal, transparent } = parts
  const proxy = await startProxy(config, parts, log)
  listening = proxy
  const upstream = config.upstreamProxy && parseUpstream(config.upstreamProxy, ownPorts())
  if (upstream && !upstream.ok) {
    await proxy.close()
    return err(UPSTREAM_FAILURES[upstream.error.reason])
  }
  const control = await startDeviceControl({
    ...{ config, surroundings, parts },
    status: () => statusNow(surroundings, parts, proxy),
    settings: () => settingsNow(config, surroundings, parts),
    ownerUid: loaded.value?.ownerUid ?? config.ownerUid,
  })
  if (!control.ok) {
    await proxy.close()
    return err(CONTROL_FAILURES[control.error.reason])
  }
  const stopWatching = watchSurroundings({
    look: () => lookAround(config.tunName),
    onChange: () => {
      device.surroundingsChanged()
      transparent?.refresh()
      portal.refresh()
    },
    log,
  })
  if (loaded.value !== undefined) await device.resume(loaded.value)
  return ok({
    proxyPort: proxy.port,
    controlPath: config.controlPath,
    stop: async () => {
      stopWatching()
      portal.stop()
      await Promise.all([control.value.close(), proxy.close(), transparent?.stop()])
      await device.close()
    },
  })
}

function statusNow(
  { version }: DaemonSurroundings,
  { told, device, portal, transparent }: DaemonParts,
  proxy: ProxyServer,
): DaemonStatus {
  return statusOf({
    version,
    now: momentNow(),
    proxyPort: proxy.port,
    refusedOtherUsers: proxy.refusedOtherUsers,
    prompts: told.prompts,
    ...(transparent && { transparent: transparent.status }),
    ...(portal.found && { portal: portal.found }),
    ...device.facts,
  })
}

function settingsNow(
  config: DaemonConfig,
  { environment }: DaemonSurroundings,
  { device }: DaemonParts,
): readonly Setting[] {
  return listSettings({
    config,
    pushed: device.registration?.settings,
    environmentProxy: upstreamUrlFor(device.gateway ?? NO_GATEWAY, undefined, environment),
  })
}

function startProxy(
  config: DaemonConfig,
  { device, flows }: DaemonParts,
  log: Log,
): Promise<ProxyServer> {
  const owners = createOwnerLookup()
  const ownerUid = (): number => device.registration?.ownerUid ?? config.ownerUid
  log.info({ source: owners.source, shared: config.sharePort }, 'owners of connections')
  return startProxyServer({
    port: config.proxyPort,
    ...openersOf(flows),
    pac: (port) => printPac(device.facts.settings, port),
    lookupOwner: owners.lookup,
    mayUse: (uid) => config.sharePort || uid === ownerUid(),
    log,
  })
}
