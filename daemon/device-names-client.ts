/**
 * Names on this device: the resolver, and the addresses that stand for names. There is one of each, whatever asks: an
 * address means the same name to every program.
 */
import type { Log } from '#lib/log'
import { formatAddress, type IpAddress } from '#lib/net/address'
import { err } from '#lib/result'
import type { FlowTarget } from '#lib/tunnel/tunnel-connection'
import type { DaemonConfig } from './config.ts'
import type { Device } from './device-client.ts'
import type { DnsCounters } from './dns/counters.ts'
import { createAskGateway } from './dns/gateway-dns-client.ts'
import {
  type AnswerQuery,
  type AskUpstream,
  createResolver,
  type Resolver,
  type ResolverDeps,
} from './dns/resolver.ts'
import type { SyntheticMap } from './dns/synthetic-map.ts'
import { openSyntheticMap } from './dns/synthetic-map-store.ts'
import {
  addressesOf,
  formatRange,
  type SyntheticPrefixes,
  type SyntheticRange,
  syntheticRange,
} from './dns/synthetic-range.ts'
import { compileZones, type Zones } from './dns/zones.ts'
import type { Registration } from './enrol/registration.ts'
import { jointSettings } from './settings.ts'

export type DeviceNamesDeps = {
  readonly config: DaemonConfig
  readonly device: Pick<Device, 'registration' | 'tunnel'>
  readonly askUpstream: AskUpstream
  readonly mayLead: ResolverDeps['mayLead']
  readonly log: Log
}

export interface DeviceNames {
  readonly answer: AnswerQuery
  /** The same, but what is not ours is refused. */
  readonly answerOurs: AnswerQuery
  /** Where a program wants to go: the name that an address stands for, or the address; undefined: it stands for no name now. */
  targetOf(address: IpAddress, port: number): FlowTarget | undefined
  /** Of the resolver, inside the ranges: both stand for no name. */
  readonly resolverAddresses: readonly IpAddress[]
  /** What `answer` did. */
  readonly counters: Readonly<DnsCounters>
}

/** What there is for a range. */
type Opened = {
  readonly range: SyntheticRange
  readonly map: SyntheticMap
  readonly all: Resolver
  readonly ours: Resolver
}

/** The resolver has this number in every range. */
const RESOLVER_NUMBER = 53

/** Opens the map at the first question. */
export function createDeviceNames(deps: DeviceNamesDeps): DeviceNames {
  const { config, device } = deps
  let settings: Registration['settings']
  let zones = zonesOf(undefined)
  let opened: Opened | undefined

  /** With new settings everything that the gateway said is asked again; addresses stay while their range does. */
  function current(): Opened {
    if (opened !== undefined && settings === device.registration?.settings) return opened
    settings = device.registration?.settings
    zones = zonesOf(device.registration)
    const range = rangeOf(config, settings)
    const isSame = opened !== undefined && formatRange(opened.range) === formatRange(range)
    opened = isSame && opened ? opened : open(range, () => zones, deps)
    opened.all.forget()
    opened.ours.forget()
    return opened
  }

  return {
    answer: (query, via) => current().all.answer(query, via),
    answerOurs: (query, via) => current().ours.answer(query, via),
    targetOf: (address, port) => {
      const { map } = current()
      const host = map.contains(address) ? map.nameOf(address, Date.now()) : formatAddress(address)
      return host === undefined ? undefined : { host, port }
    },
    get resolverAddresses() {
      return resolverIn(current().range)
    },
    get counters() {
      return current().all.counters
    },
  }
}

/** @throws {Error} when the file of the map can be neither read nor written. */
function open(range: SyntheticRange, zones: () => Zones, deps: DeviceNamesDeps): Opened {
  const { config, device, log } = deps
  const map = openSyntheticMap(config.stateDir, range, log)
  const unconnected = async () => err({ reason: 'not_connected' } as const)
  const resolver = (askUpstream: AskUpstream): Resolver =>
    createResolver({
      ...{ zones, synthetic: map, askUpstream, mayLead: deps.mayLead, log },
      askGateway: createAskGateway((path, body) =>
        (device.tunnel?.post ?? unconnected)(path, body),
      ),
      now: Date.now,
    })
  const all = resolver(deps.askUpstream)
  const ours = resolver(async () => err({ reason: 'no_upstream' }))
  return { range, map, all, ours }
}

function rangeOf(config: DaemonConfig, settings: Registration['settings']): SyntheticRange {
  const { syntheticV4, syntheticV6 } = jointSettings(config, settings)
  const prefixes = { v4: syntheticV4.value, v6: syntheticV6.value }
  return syntheticRange(prefixes, resolverIn(prefixes))
}

function resolverIn(prefixes: SyntheticPrefixes): readonly IpAddress[] {
  return Object.values(addressesOf(prefixes, RESOLVER_NUMBER))
}

/** Names of the gateway's own listeners resolve outside the tunnel (T103). */
function zonesOf(registration: Registration | undefined): Zones {
  const { settings, tunnelUrl, loginUrl } = registration ?? {}
  const listeners = [tunnelUrl, loginUrl].flatMap((url) => (url ? [new URL(url).hostname] : []))
  return compileZones(settings ?? { domains: [], prefixes: [], others: 'direct' }, listeners)
}
