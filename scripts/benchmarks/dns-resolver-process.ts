/**
 * The daemon's resolver alone: `dns-resolver-process ADDRESS PORT UPSTREAM_PORT`. The gateway's answers are made here, after
 * the time that a tunnel takes; upstream servers are at the same address.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { writeAnswer } from '#lib/dns/answer-writer'
import { RCODE, TYPE } from '#lib/dns/codes'
import { readQuery } from '#lib/dns/query'
import { type IpAddress, parseAddress } from '#lib/net/address'
import { parseSyntheticPrefix, SYNTHETIC_DEFAULTS } from '#lib/net/synthetic-prefix'
import type { AskGateway } from '../../daemon/dns/existence.ts'
import { createResolver } from '../../daemon/dns/resolver.ts'
import { startResolverServer } from '../../daemon/dns/resolver-server.ts'
import { createSyntheticMap } from '../../daemon/dns/synthetic-map.ts'
import { syntheticRange } from '../../daemon/dns/synthetic-range.ts'
import { createAskUpstream } from '../../daemon/dns/upstream-dns-client.ts'
import { compileZones } from '../../daemon/dns/zones.ts'

const TUNNEL_MS = 5
const GATEWAY_ADDRESS = Uint8Array.of(10, 1, 2, 3)

const askGateway: AskGateway = async (message) => {
  await wait(TUNNEL_MS)
  const query = readQuery(message)
  if (!query?.ok) return { kind: 'unreachable', reason: 'bad_query' }
  const answers = [{ type: TYPE.A, ttl: 60, data: GATEWAY_ADDRESS }]
  return { kind: 'answer', message: writeAnswer(query.value, { rcode: RCODE.NOERROR, answers }) }
}

function addressOf(text: string): IpAddress {
  const address = parseAddress(text)
  if (!address.ok) throw new Error(`no address: ${text}`)
  return address.value
}

async function main([host = '', port = '', upstreamPort = '']: readonly string[]): Promise<void> {
  const v4 = parseSyntheticPrefix(4, SYNTHETIC_DEFAULTS.v4)
  const v6 = parseSyntheticPrefix(6, SYNTHETIC_DEFAULTS.v6)
  if (!v4.ok || !v6.ok) throw new Error('the default prefixes are refused')
  const range = syntheticRange({ v4: v4.value, v6: v6.value }, [])
  const settings = { domains: ['corp.internal'], prefixes: [], others: 'direct' as const }
  const zones = compileZones(settings, [])
  const upstream = [{ host, port: Number(upstreamPort) }]
  const log = (fields: object, text: string): void => console.error(text, JSON.stringify(fields))
  const { answer } = createResolver({
    zones: () => zones,
    synthetic: createSyntheticMap(range, [], () => undefined),
    askGateway,
    askUpstream: createAskUpstream(() => upstream),
    mayLead: () => false,
    now: Date.now,
    log: { info: log, warn: log, error: log },
  })
  await startResolverServer({ addresses: [addressOf(host)], port: Number(port), answer })
  console.log('ready')
}

await main(process.argv.slice(2))
