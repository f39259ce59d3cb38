/** The daemon behind its listeners: device, portal, names and the machine's traffic; the parts meet here. */
import type { Agent } from 'node:https'
import type { DaemonConfig } from './config.ts'
import { createDevice, type Device } from './device-client.ts'
import { createDeviceNames, type DeviceNames } from './device-names-client.ts'
import { createDevicePortal } from './device-portal-client.ts'
import { systemServers } from './dns/system-servers-os.ts'
import { createAskUpstream } from './dns/upstream-dns-client.ts'
import type { IdentityStore } from './enrol/identity-store.ts'
import { type FlowStateSource, openersOf } from './flow-client.ts'
import { leadsToPortal } from './life/portal.ts'
import type { PortalWatch } from './life/portal-job.ts'
import { createCollect } from './posture/collect-os.ts'
import { createTold, type Told } from './prompt/told.ts'
import { transparentWish } from './settings.ts'
import type { DaemonSurroundings } from './surroundings.ts'
import { createTransparent, type Transparent } from './transparent/transparent-server.ts'
import type { DialTcp, TcpEndpoint } from './tunnel/tunnel.ts'
import { agentOver, createDial } from './upstream/upstream-client.ts'
import { upstreamUrlFor } from './upstream/upstream-proxy.ts'
import { witnessStoreIn } from './witness/witness-store.ts'

/** What the proxy of the environment is looked up for before there is a gateway. */
export const NO_GATEWAY = { host: 'gateway.invalid', port: 443 }

export type DaemonParts = {
  readonly dial: DialTcp
  readonly agent: Agent
  /** URL of the proxy to a destination; may hold a password. */
  readonly upstreamFor: (to: TcpEndpoint) => string | undefined
  readonly told: Told
  readonly device: Device
  readonly portal: PortalWatch
  readonly flows: FlowStateSource
  readonly names: DeviceNames
  /** Undefined in proxy mode. */
  readonly transparent: Transparent | undefined
}

/** @param ownPorts ports that no upstream proxy may have, as they are at the time of the call. */
export function openParts(
  config: DaemonConfig,
  { version, platform, environment, uid, log }: DaemonSurroundings,
  store: IdentityStore,
  ownPorts: () => readonly number[],
): DaemonParts {
  const upstreamFor = (to: TcpEndpoint) => upstreamUrlFor(to, config.upstreamProxy, environment)
  const dial = createDial({ urlFor: upstreamFor, ownPorts })
  const agent = agentOver(dial)
  const told = createTold({ loginOrigin: () => device.registration?.loginUrl })
  const device: Device = createDevice({
    ...{ store, told, dial, agent, ownPorts, log },
    witnessStore: witnessStoreIn(config.stateDir),
    collect: createCollect(version, platform),
    refuseOthers: config.others === 'refuse',
    onChange: () => {
      transparent?.refresh()
      portal.refresh()
    },
    onTunnel: () => portal.refresh(),
  })
  const portal = createDevicePortal({
    ...{ config, device, dial, agent, upstreamFor, told, uid, log },
    namesVia: () => transparent?.status.resolver?.mode,
  })
  const flows = flowStateOf(device, portal)
  const names = createDeviceNames({
    ...{ config, device, log },
    askUpstream: createAskUpstream(() => transparent?.nameServers ?? systemServers()),
    mayLead: (name, address) => {
      const { open } = portal
      return open !== undefined && leadsToPortal(open.portal, name, address)
    },
  })
  const wish = () =>
    transparentWish(config, device.registration, upstreamFor(device.gateway ?? NO_GATEWAY))
  const transparent =
    config.mode === 'transparent'
      ? createTransparent({ ...openersOf(flows), config, names, wish, log })
      : undefined
  return { dial, agent, upstreamFor, told, device, portal, flows, names, transparent }
}

function flowStateOf(device: Device, portal: PortalWatch): FlowStateSource {
  return {
    get flowState() {
      return device.flowState
    },
    get portal() {
      return portal.open
    },
    settled: device.settled,
  }
}
