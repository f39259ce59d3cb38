/**
 * Names on this device: the resolver, and the addresses that stand for names. There is one, whatever asks: an address
 * means the same name to every program.
 */
import type { Log } from '#lib/log'
import { formatAddress, type IpAddress } from '#lib/net/address'
import { formatPrefix } from '#lib/net/prefix'
import { err } from '#lib/result'
import type { FlowTarget } from '#lib/tunnel/tunnel-connection'
import type { DaemonConfig } from './config.ts'
import type { Device } from './device-client.ts'
import { createAskGateway } from './dns/gateway-dns-client.ts'
import { type AnswerQuery, type AskUpstream, createResolver } from './dns/resolver.ts'
import type { SyntheticMap } from './dns/synthetic-map.ts'
import { openSyntheticMap } from './dns/synthetic-map-store.ts'
import { parseSyntheticRange } from './dns/synthetic-range.ts'
import { compileZones, type Zones } from './dns/zones.ts'
import type { Registration } from './enrol/registration.ts'
import { jointSettings } from './settings.ts'

export type DeviceNamesDeps = {
  readonly config: DaemonConfig
  readonly device: Pick<Device, 'registration' | 'tunnel'>
  readonly askUpstream: AskUpstream
  readonly log: Log
}

export interface DeviceNames {
  readonly answer: AnswerQuery
  /** The same, but what is not ours is refused. */
  readonly answerOurs: AnswerQuery
  /** Where a program wants to go: the name that an address stands for, or the address; undefined: it stands for no name now. */
  targetOf(address: IpAddress, port: number): FlowTarget | undefined
}

type State = {
  readonly settings: Registration['settings']
  readonly range: string
  readonly map: SyntheticMap
  readonly answer: AnswerQuery
  readonly answerOurs: AnswerQuery
}

/** Opens the map at the first question. */
export function createDeviceNames(deps: DeviceNamesDeps): DeviceNames {
  let state: State | undefined
  const current = (): State => {
    if (state === undefined || state.settings !== deps.device.registration?.settings) {
      state = begin(deps, state)
    }
    return state
  }
  return {
    answer: (query, via) => current().answer(query, via),
    answerOurs: (query, via) => current().answerOurs(query, via),
    targetOf: (address, port) => {
      const { map } = current()
      const host = map.contains(address) ? map.nameOf(address, Date.now()) : formatAddress(address)
      return host === undefined ? undefined : { host, port }
    },
  }
}

/** With new settings everything that the gateway said is asked again; addresses stay while their range does. */
function begin(deps: DeviceNamesDeps, before: State | undefined): State {
  const { config, device, log } = deps
  const settings = device.registration?.settings
  const { syntheticV4, syntheticV6 } = jointSettings(config, settings)
  const texts = [syntheticV4, syntheticV6].map(({ value }) => formatPrefix(value))
  const range = texts.join(' ')
  const map = before?.range === range ? before.map : openMap(texts, deps)
  const zones = zonesOf(device.registration)
  const unconnected = async () => err({ reason: 'not_connected' } as const)
  const resolver = (askUpstream: AskUpstream) =>
    createResolver({
      zones: () => zones,
      synthetic: map,
      askGateway: createAskGateway((path, body) =>
        (device.tunnel?.post ?? unconnected)(path, body),
      ),
      askUpstream,
      privateAllowed: new Set(),
      withIpv6: () => true,
      now: Date.now,
      log,
    }).answer
  const noUpstream: AskUpstream = async () => err({ reason: 'no_upstream' })
  return {
    ...{ settings, range, map },
    answer: resolver(deps.askUpstream),
    answerOurs: resolver(noUpstream),
  }
}

/** @throws {Error} when the file can be neither read nor written. */
function openMap([v4 = '', v6 = '']: readonly string[], { config, log }: DeviceNamesDeps) {
  const range = parseSyntheticRange(v4, v6, [])
  if (!range.ok) throw new Error(`${v4} ${v6}: ${range.error.reason}`)
  return openSyntheticMap(config.stateDir, range.value, log)
}

function zonesOf(registration: Registration | undefined): Zones {
  const { settings, tunnelUrl, loginUrl } = registration ?? {}
  const listeners = [tunnelUrl, loginUrl].flatMap((url) => (url ? [new URL(url).hostname] : []))
  return compileZones(settings ?? { domains: [], prefixes: [], others: 'direct' }, listeners)
}
