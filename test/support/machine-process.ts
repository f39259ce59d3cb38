/**
 * What the daemon does to a machine, and nothing else of it: a TUN with our resolver, routing, DNS for `corp.internal`.
 * argv: the setting `dns`. Says the mode, or the reason of the refusal. Each line on stdin is a domain to have besides,
 * `status`, or `undo`, which ends it; each is answered with a line.
 */
import { createInterface } from 'node:readline'
import { parsePrefix } from '#lib/net/prefix'
import { startResolverServer } from '../../daemon/dns/resolver-server.ts'
import { createAskUpstream } from '../../daemon/dns/upstream-dns-client.ts'
import { startInterception } from '../../daemon/intercept/interception-server.ts'
import { openTun } from '../../daemon/intercept/tun-os.ts'
import { applyRouting } from '../../daemon/machine/applied-routing-os.ts'
import type { DnsWanted } from '../../daemon/machine/dns-plan.ts'
import { systemNameservers, takeOverDns } from '../../daemon/machine/dns-takeover-os.ts'
import { address, resolverRig } from './dns.ts'
import { memoryLog } from './tunnel.ts'

const setting = (process.argv[2] ?? 'auto') as DnsWanted['setting']
const never = new AbortController().signal
const log = memoryLog()
const prefixes = (...texts: string[]) =>
  texts.map(parsePrefix).flatMap((parsed) => (parsed.ok ? [parsed.value] : []))
const uids = [{ first: 1000, last: 1999 }]
const tunName = 'zt0'
const resolverAddresses = [address('100.80.0.53')]

const device = openTun(tunName)
if (!device.ok) throw new Error(device.error.detail)
const { answer } = resolverRig({
  askUpstream: (query, via) =>
    createAskUpstream(dns.ok ? dns.value.upstreams : () => [])(query, via),
})
const loopback = await startResolverServer({
  ...{ addresses: [address('127.0.0.1'), address('::1')], port: 0, answer },
})
const interception = await startInterception(
  device.value,
  {
    targetOf: () => undefined,
    openFlow: async () => ({ ok: false, error: { status: 403, reason: 'denied' } }),
    openDatagrams: async () => ({ ok: false, error: { status: 403, reason: 'denied' } }),
    answerQuery: answer,
    ...{ resolverAddresses, log },
  },
  { mode: 'redirect' },
)
const routing = await applyRouting(
  {
    ...{ tunName, uids, resolverAddresses, lockdown: false },
    outside: (await systemNameservers()).map(address),
    tunAddresses: [address('100.80.0.1')],
    synthetic: prefixes('100.80.0.0/16'),
    prefixes: prefixes('10.0.0.0/8'),
  },
  never,
)
if (!routing.ok) throw new Error(JSON.stringify(routing.error))
const wantedFor = (...domains: string[]): DnsWanted => ({
  ...{ setting, tunName, resolverAddresses, loopbackPort: loopback.port, uids, domains },
})
const dns = await takeOverDns(wantedFor('corp.internal'), log, never)
process.stdout.write(`${dns.ok ? dns.value.mode : JSON.stringify(dns.error)}\n`)

async function answerLine(line: string): Promise<string> {
  if (!dns.ok) return dns.error.reason
  if (line === 'status') {
    const { passedOver, lost, upstreams } = dns.value
    return JSON.stringify({
      passedOver,
      lost: lost(),
      upstreams: upstreams().map(({ host }) => host),
    })
  }
  const changed = await dns.value.change(wantedFor('corp.internal', line), never)
  return changed.ok ? 'ok' : changed.error.reason
}

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'undo') break
  process.stdout.write(`${await answerLine(line)}\n`)
}
if (dns.ok) await dns.value.undo(never)
await interception.close()
await loopback.close()
await routing.value.undo(never)
device.value.close()
process.stdout.write('ok\n')
process.exit()
