/** The captive portal that stands between this device and its gateway: asked for by the doctor's own questions. */
import type { Agent } from 'node:https'
import type { Log } from '#lib/log'
import type { DaemonConfig } from './config.ts'
import type { Device } from './device-client.ts'
import { resolveHost } from './direct-client.ts'
import { askGateway } from './doctor/ask-gateway-client.ts'
import { gatewayToAsk } from './doctor/doctor-client.ts'
import { portalHostIn } from './doctor/gateway-answers.ts'
import { judgePortal, type Portal, possibleAddresses } from './life/portal.ts'
import {
  createPortalWatch,
  type FoundPortal,
  type PortalWatch,
  type WhoAnswers,
} from './life/portal-job.ts'
import { parseAuthority } from './listen/target.ts'
import type { DnsMode } from './machine/dns-plan.ts'
import { momentNow } from './moment-os.ts'
import type { Told } from './prompt/told.ts'
import { jointSettings } from './settings.ts'
import type { DialTcp, TcpEndpoint } from './tunnel/tunnel.ts'

export type DevicePortalDeps = {
  readonly config: DaemonConfig
  readonly device: Device
  readonly dial: DialTcp
  readonly agent: Agent
  readonly upstreamFor: (to: TcpEndpoint) => string | undefined
  /** How questions about names reach our resolver; undefined: not at all. */
  readonly namesVia: () => DnsMode | undefined
  readonly told: Pick<Told, 'notice'>
  /** Whom the daemon runs as. */
  readonly uid: number
  readonly log: Log
}

const HTTP_PORT = 80

/** Makes the watch; `refresh` sets it going. */
export function createDevicePortal(deps: DevicePortalDeps): PortalWatch {
  const { device, told, log } = deps
  return createPortalWatch({
    ask: () => whoAnswers(deps),
    isAway: () => AWAY.has(device.tunnel?.status.state ?? 'not_enrolled'),
    limitMs: () => limitMs(deps),
    onGatewayBack: device.surroundingsChanged,
    tell: told.notice,
    now: momentNow,
    log,
  })
}

const AWAY: ReadonlySet<string> = new Set(['connecting', 'unreachable'])

function limitMs({ config, device }: DevicePortalDeps): number {
  return jointSettings(config, device.registration?.settings).captivePortalSeconds.value * 1000
}

async function whoAnswers(deps: DevicePortalDeps): Promise<WhoAnswers> {
  const { registration } = deps.device
  if (registration === undefined) return { who: 'nobody' }
  const answers = await askGateway(gatewayToAsk(registration, deps), deps)
  const told = portalHostIn(answers, registration.loginUrl)
  const target = told === undefined ? undefined : parseAuthority(told, HTTP_PORT)
  if (!target?.ok) return { who: answers.tunnel.kind === 'trusted' ? 'gateway' : 'nobody' }
  const resolved = await resolveHost(target.value.host)
  const addresses = possibleAddresses(resolved.ok ? resolved.value : [])
  return { who: 'portal', found: judged({ ...target.value, addresses }, deps) }
}

function judged(portal: Portal, deps: DevicePortalDeps): FoundPortal {
  const { config, device, uid, namesVia } = deps
  const { registration, flowState } = device
  const { syntheticV4, syntheticV6 } = jointSettings(config, registration?.settings)
  const isTransparent = config.mode === 'transparent'
  const taken = [registration?.ownerUid, ...config.allowUsers]
  const judgement = judgePortal(portal, {
    // Before the first settings everything may be ours.
    routeFor: flowState.routes?.routeFor ?? (() => OURS),
    synthetic: [syntheticV4.value, syntheticV6.value],
    isRebindingRefused: REFUSING.has(namesVia()),
    isForbidden: limitMs(deps) === 0,
    takesItself: isTransparent && taken.includes(uid),
  })
  return { portal, ...judgement }
}

const OURS = { kind: 'tunnel' } as const
/** Ways by which all questions come to our resolver, not only those about names of ours. */
const REFUSING: ReadonlySet<DnsMode | undefined> = new Set<DnsMode>(['port53', 'resolv_conf'])
