/**
 * One look at everything that `zt doctor` reports on: collects the facts, leaves judging to ./examine.ts.
 */
import type { Agent } from 'node:https'
import type { DaemonStatus } from '#lib/api/control-api'
import type { DoctorReport } from '#lib/api/doctor-api'
import type { Setting } from '#lib/api/setting'
import { parsePrefix } from '#lib/net/prefix'
import type { DaemonConfig } from '../config.ts'
import { gatewayOf } from '../device-life.ts'
import { type Registration, validityOf } from '../enrol/registration.ts'
import type { MachineChange } from '../machine/journal.ts'
import { lookForOurs } from '../machine/ours-os.ts'
import { jointSettings, withoutCredentials } from '../settings.ts'
import type { DialTcp, TcpEndpoint } from '../tunnel/tunnel.ts'
import { askGateway, type GatewayToAsk } from './ask-gateway-client.ts'
import { bundleMembers } from './bundle.ts'
import { examine } from './examine.ts'
import type { DoctorFacts } from './facts.ts'
import { lookAtInterception } from './interception-os.ts'
import { lookAtMachine } from './machine-os.ts'

export type DoctorDeps = {
  readonly config: DaemonConfig
  readonly settings: () => readonly Setting[]
  readonly version: string
  readonly registration: () => Registration | undefined
  /** Undefined in a process that is not the daemon. */
  readonly status: (() => DaemonStatus) | undefined
  readonly dial: DialTcp
  readonly agent: Agent
  /** URL of the proxy to a destination; may hold a password. */
  readonly upstreamFor: (to: TcpEndpoint) => string | undefined
  /** What was done to this machine. */
  readonly changes: () => readonly MachineChange[]
  /** Recent lines of the log. */
  readonly logLines: () => readonly string[]
}

/** Never rejects for what a machine or a network does. */
export async function consult(deps: DoctorDeps, bundle: boolean): Promise<DoctorReport> {
  const findings = examine(await gather(deps))
  if (!bundle) return { findings }
  const members = bundleMembers({
    findings,
    status: deps.status?.(),
    settings: deps.settings(),
    changes: deps.changes(),
    applied: await lookForOurs(),
    logLines: deps.logLines(),
    versions: { zt: deps.version, node: process.version, platform: process.platform },
  })
  return { findings, members }
}

async function gather(deps: DoctorDeps): Promise<DoctorFacts> {
  const registration = deps.registration()
  const { mode, tunName } = deps.config
  const { syntheticV4, syntheticV6 } = jointSettings(deps.config, registration?.settings)
  const [gateway, interception, machine] = await Promise.all([
    registration && askGateway(gatewayToAsk(registration, deps), deps),
    lookAtInterception(),
    lookAtMachine(tunName),
  ])
  const status = deps.status?.()
  return {
    mode,
    nowMs: Date.now(),
    ...(status && { status }),
    ...(registration && { certificate: validityOf(registration.certificate) }),
    ...(gateway && { gateway }),
    interception,
    ...(machine && { machine }),
    prefixes: (registration?.settings?.prefixes ?? []).flatMap((text) => {
      const prefix = parsePrefix(text)
      return prefix.ok ? [prefix.value] : []
    }),
    synthetic: [syntheticV4.value, syntheticV6.value],
  }
}

/** What this device knows of its gateway, without passwords. */
export function gatewayToAsk(
  registration: Registration,
  { upstreamFor }: Pick<DoctorDeps, 'upstreamFor'>,
): GatewayToAsk {
  const tunnel = gatewayOf(registration)
  const upstream = upstreamFor(tunnel)
  const { loginUrl, gatewayCa, loginCa } = registration
  const named = upstream === undefined ? {} : { upstream: withoutCredentials(upstream) }
  return { loginUrl, tunnel, gatewayCa, loginCa, ...named }
}
