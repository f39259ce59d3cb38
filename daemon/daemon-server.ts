/**
 * The daemon, put together: registration, tunnel, proxy port, control socket. Nothing here reads argv or environment.
 */

import { loadKoffi } from '#lib/koffi-os'
import type { Log } from '#lib/log'
import { err, ok, type Result } from '#lib/result'
import type { DaemonConfig } from './config.ts'
import { createCarry, type Openers } from './control/carried-flow-server.ts'
import { createCommands } from './control/control-commands-client.ts'
import { startControlServer } from './control/control-server.ts'
import { createDevice, type Device } from './device-client.ts'
import { createDeviceNames } from './device-names-client.ts'
import { createDevicePortal } from './device-portal-client.ts'
import { systemServers } from './dns/system-servers-os.ts'
import { createAskUpstream } from './dns/upstream-dns-client.ts'
import { consult } from './doctor/doctor-client.ts'
import { identityStoreIn } from './enrol/identity-store.ts'
import {
  createOpenDatagrams,
  createOpenFlow,
  type FlowStateSource,
  type OpenOptions,
} from './flow-client.ts'
import { lookAround } from './life/look-os.ts'
import { leadsToPortal } from './life/portal.ts'
import { watchSurroundings } from './life/watch-job.ts'
import { createOwnerLookup } from './listen/connection-owner-os.ts'
import { printPac } from './listen/pac.ts'
import { type ProxyServer, startProxyServer } from './listen/proxy-server.ts'
import { modeObstacle } from './mode.ts'
import { momentNow } from './moment-os.ts'
import { createCollect } from './posture/collect-os.ts'
import { createTold } from './prompt/told.ts'
import { listSettings, transparentWish } from './settings.ts'
import { statusOf } from './status.ts'
import { createTransparent } from './transparent/transparent-server.ts'
import type { TcpEndpoint } from './tunnel/tunnel.ts'
import { agentOver, createDial } from './upstream/upstream-client.ts'
import { type ProxyEnvironment, parseUpstream, upstreamUrlFor } from './upstream/upstream-proxy.ts'
import { witnessStoreIn } from './witness/witness-store.ts'

/** What main.ts has read from the machine. */
export type DaemonSurroundings = {
  readonly uid: number
  readonly machineName: string
  readonly version: string
  readonly platform: NodeJS.Platform
  readonly environment: ProxyEnvironment
  readonly log: Log
  /** Recent lines of that log. */
  readonly logLines: () => readonly string[]
}

/** What the proxy of the environment is looked up for before there is a gateway. */
const NO_GATEWAY = { host: 'gateway.invalid', port: 443 }

/** Why the daemon does not start: a stable reason, and a sentence with the remedy. */
export type StartFailure = { readonly reason: string; readonly detail: string }

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
  const { log, uid, platform } = surroundings
  const obstacle = modeObstacle(config, { platform, hasKoffi: loadKoffi() !== undefined })
  if (obstacle !== undefined) return err(obstacle)
  const store = identityStoreIn(config.stateDir)
  const loaded = store.load()
  if (!loaded.ok) return err(stateFailure(loaded.error.reason, loaded.error.file))

  let proxy: ProxyServer | undefined
  const ownPorts = (): readonly number[] => (proxy === undefined ? [] : [proxy.port])
  const upstreamFor = (to: TcpEndpoint) =>
    upstreamUrlFor(to, config.upstreamProxy, surroundings.environment)
  const dial = createDial({ urlFor: upstreamFor, ownPorts })
  const agent = agentOver(dial)
  const refuseOthers = config.others === 'refuse'
  const collect = createCollect(surroundings.version, surroundings.platform)
  const told = createTold({ loginOrigin: () => device.registration?.loginUrl })
  const device: Device = createDevice({
    ...{
      store,
      witnessStore: witnessStoreIn(config.stateDir),
      told,
      dial,
      agent,
      collect,
      refuseOthers,
      ownPorts,
      onChange: () => {
        transparent?.refresh()
        portal.refresh()
      },
      onTunnel: () => portal.refresh(),
      log,
    },
  })
  const portal = createDevicePortal({
    ...{ config, device, dial, agent, upstreamFor, told, uid, log },
    namesVia: () => transparent?.status.resolver?.mode,
  })
  const flows: FlowStateSource = {
    get flowState() {
      return device.flowState
    },
    get portal() {
      return portal.open
    },
    settled: device.settled,
  }
  const names = createDeviceNames({
    ...{ config, device, log },
    askUpstream: createAskUpstream(() => transparent?.nameServers ?? systemServers()),
    mayLead: (name, address) => {
      const { open } = portal
      return open !== undefined && leadsToPortal(open.portal, name, address)
    },
  })
  const transparent =
    config.mode === 'transparent'
      ? createTransparent({
          config,
          openFlow: createOpenFlow(flows),
          openDatagrams: createOpenDatagrams(flows),
          names,
          wish: () =>
            transparentWish(config, device.registration, upstreamFor(device.gateway ?? NO_GATEWAY)),
          log,
        })
      : undefined
  const ownerUid = (): number => device.registration?.ownerUid ?? config.ownerUid
  proxy = await startProxy(config, { device, flows, ownerUid }, log)
  const { port } = proxy
  const upstream = config.upstreamProxy && parseUpstream(config.upstreamProxy, ownPorts())
  if (upstream && !upstream.ok) {
    await proxy.close()
    return err(UPSTREAM_FAILURES[upstream.error.reason])
  }
  const status = () =>
    statusOf({
      version: surroundings.version,
      now: momentNow(),
      proxyPort: port,
      refusedOtherUsers: proxy?.refusedOtherUsers ?? 0,
      prompts: told.prompts,
      ...(transparent && { transparent: transparent.status }),
      ...(portal.found && { portal: portal.found }),
      ...device.facts,
    })
  const settings = () =>
    listSettings({
      config,
      pushed: device.registration?.settings,
      environmentProxy: upstreamUrlFor(
        device.gateway ?? NO_GATEWAY,
        undefined,
        surroundings.environment,
      ),
    })
  const control = await startControlServer({
    path: config.controlPath,
    ownerUid: loaded.value?.ownerUid ?? config.ownerUid,
    daemonUid: uid,
    handle: createCommands({
      ...{ device, told, names, portal, agent, status, settings, log },
      consult: (bundle) =>
        consult(
          {
            ...{ config, dial, agent, upstreamFor, status, settings },
            changes: () => transparent?.changes ?? [],
            logLines: surroundings.logLines,
            version: surroundings.version,
            registration: () => device.registration,
          },
          bundle,
        ),
      machineName: surroundings.machineName,
    }),
    carry: createCarry({
      names,
      openers: openersOf(flows),
      onlyPrivate: openersOf(flows, { onlyPrivate: true }),
    }),
    log,
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
    proxyPort: port,
    controlPath: config.controlPath,
    stop: async () => {
      stopWatching()
      portal.stop()
      await Promise.all([control.value.close(), proxy?.close(), transparent?.stop()])
      await device.close()
    },
  })
}

function openersOf(flows: FlowStateSource, options: OpenOptions = {}): Openers {
  return {
    openFlow: createOpenFlow(flows, options),
    openDatagrams: createOpenDatagrams(flows, options),
  }
}

type Serves = {
  readonly device: Device
  readonly flows: FlowStateSource
  readonly ownerUid: () => number
}

function startProxy(
  config: DaemonConfig,
  { device, flows, ownerUid }: Serves,
  log: Log,
): Promise<ProxyServer> {
  const owners = createOwnerLookup()
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

function stateFailure(reason: string, file: string): StartFailure {
  const remedy =
    reason === 'registration_open_to_others'
      ? 'Others can read it, so its key is no secret: remove it and enrol again, or restore mode 0600 and 0700.'
      : 'It is damaged: remove it and run "zt enroll" again.'
  return { reason, detail: `${file}: ${remedy}` }
}

const UPSTREAM_FAILURES = {
  bad_proxy_url: {
    reason: 'bad_proxy_url',
    detail:
      'upstream_proxy is no URL of a proxy: socks5://, socks4a://, http:// or https://HOST:PORT.',
  },
  upstream_is_self: {
    reason: 'upstream_is_self',
    detail: 'upstream_proxy is this daemon itself; the tunnel would wait for itself.',
  },
} as const

const CONTROL_FAILURES = {
  already_running: {
    reason: 'already_running',
    detail: 'A daemon answers at the control socket already.',
  },
  control_folder_open: {
    reason: 'control_folder_open',
    detail: 'Other users can write to the folder of the control socket; choose another --control.',
  },
  control_peers_unknown: {
    reason: 'control_peers_unknown',
    detail:
      'Without the package koffi the control socket needs a folder with mode 0700 of the user who owns the daemon.',
  },
} as const
