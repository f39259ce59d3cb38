/** The doctor without a daemon: the same look with the rights of whoever asks, at the registration if it is theirs to read. */
import type { DoctorReport } from '#lib/api/doctor-api'
import type { DaemonConfig } from '../config.ts'
import { gatewayOf } from '../device-life.ts'
import { readRegistration } from '../enrol/identity-store.ts'
import { listSettings } from '../settings.ts'
import type { TcpEndpoint } from '../tunnel/tunnel.ts'
import { agentOver, createDial } from '../upstream/upstream-client.ts'
import { type ProxyEnvironment, upstreamUrlFor } from '../upstream/upstream-proxy.ts'
import { consult } from './doctor-client.ts'

type Alone = {
  readonly version: string
  readonly environment: ProxyEnvironment
  readonly bundle: boolean
}

/** Never rejects for what a machine or a network does. */
export function consultAlone(config: DaemonConfig, alone: Alone): Promise<DoctorReport> {
  const upstreamFor = (to: TcpEndpoint) =>
    upstreamUrlFor(to, config.upstreamProxy, alone.environment)
  const dial = createDial({ urlFor: upstreamFor, ownPorts: () => [config.proxyPort] })
  const registration = readRegistration(config.stateDir)
  return consult(
    {
      ...{ config, dial, upstreamFor, version: alone.version },
      agent: agentOver(dial),
      registration: () => registration,
      settings: () =>
        listSettings({
          config,
          pushed: registration?.settings,
          environmentProxy:
            registration && upstreamUrlFor(gatewayOf(registration), undefined, alone.environment),
        }),
      status: undefined,
      changes: () => [],
      logLines: () => [],
    },
    alone.bundle,
  )
}
