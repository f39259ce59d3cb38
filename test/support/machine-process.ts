/**
 * What the daemon does to a machine, and nothing else of it: a TUN whose connections echo, our resolver, routing, DNS for
 * `corp.internal`.
 * argv: the setting `dns`, and `lockdown` or not. Says the mode, or the reason of the refusal. Each line on stdin is `status`, `undo`, which ends
 * it, or a domain to have besides, which comes with other prefixes; each is answered with a line.
 */

import { createInterface } from 'node:readline'
import { PassThrough } from 'node:stream'
import { parsePrefix } from '#lib/net/prefix'
import { startResolverServer } from '../../daemon/dns/resolver-server.ts'
import { createAskUpstream } from '../../daemon/dns/upstream-dns-client.ts'
import type { InterceptDeps } from '../../daemon/intercept/intercept-deps.ts'
import { startInterception } from '../../daemon/intercept/interception-server.ts'
import { openTun } from '../../daemon/intercept/tun-os.ts'
import { applyRouting } from '../../daemon/machine/applied-routing-os.ts'
import type { DnsWanted } from '../../daemon/machine/dns-plan.ts'
import { systemNameservers, takeOverDns } from '../../daemon/machine/dns-takeover-os.ts'
import { redirectTable } from '../../daemon/machine/nft-table.ts'
import { holdNftTable } from '../../daemon/machine/nft-table-os.ts'
import type { Wanted } from '../../daemon/machine/plan.ts'
import { address, resolverRig } from './dns.ts'
import { memoryLog } from './tunnel.ts'

const setting = (process.argv[2] ?? 'auto') as DnsWanted['setting']
const lockdown = process.argv[3] === 'lockdown'
const never = new AbortController().signal
const log = memoryLog()
const prefixes = (...texts: string[]) =>
  texts.map(parsePrefix).flatMap((parsed) => (parsed.ok ? [parsed.value] : []))
const uids = [{ first: 1000, last: 1999 }]
const tunName = 'zt0'
const tunAddresses = [address('100.80.0.1'), address('fd5a::1')]
const resolverAddresses = [address('100.80.0.53'), address('fd5a::53')]

const device = openTun(tunName)
if (!device.ok) throw new Error(device.error.detail)
const { answer } = resolverRig({
  askUpstream: (...question) =>
    createAskUpstream(dns.ok ? dns.value.upstreams : () => [])(...question),
})
const loopback = await startResolverServer({
  ...{ addresses: [address('127.0.0.1'), address('::1')], port: 0, answer },
})
const deps: InterceptDeps = {
  targetOf: (_, port) => ({ host: 'private.test', port }),
  openFlow: async () => ({ ok: true, value: new PassThrough() }),
  openDatagrams: async () => ({ ok: false, error: { status: 403, reason: 'denied' } }),
  answerQuery: answer,
  ...{ resolverAddresses, log },
}
const redirected = await startInterception(device.value, deps, { mode: 'redirect' })
const { redirectPort = 0 } = redirected
const redirect = await holdNftTable(redirectTable(tunName, redirectPort, uids))
const outside = (await systemNameservers()).map(address)
const routes = (...listed: string[]): Wanted => ({
  ...{ tunName, tunAddresses, uids, resolverAddresses, outside, lockdown },
  synthetic: prefixes('100.80.0.0/16', 'fd5a::/64'),
  prefixes: prefixes(...listed),
})
const applied = await applyRouting(routes('10.0.0.0/8', 'fd00:1::/48'), never)
if (!applied.ok) throw new Error(JSON.stringify(applied.error))
let routing = applied.value
if (!redirect.ok) await redirected.close()
const interception = redirect.ok
  ? redirected
  : await startInterception(device.value, deps, { mode: 'tun-nat', addresses: tunAddresses })
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
  const rerouted = await routing.change(routes('10.0.0.0/9', '172.16.0.0/12'), never)
  if (!rerouted.ok) return rerouted.error.reason
  routing = rerouted.value
  const changed = await dns.value.change(wantedFor('corp.internal', line), never)
  return changed.ok ? 'ok' : changed.error.reason
}

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'undo') break
  process.stdout.write(`${await answerLine(line)}\n`)
}
if (dns.ok) await dns.value.undo(never)
if (!lockdown) await routing.undo(never)
if (redirect.ok) await redirect.value.close()
await interception.close()
await loopback.close()
device.value.close()
process.stdout.write('ok\n')
process.exit()
