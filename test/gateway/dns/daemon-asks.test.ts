/**
 * Private DNS from end to end: `dig` asks a device's resolver, which asks a gateway through a real tunnel, which asks
 * resolvers of zones (dnsmasq).
 */
import test, { type ExecutionContext } from 'ava'
import { parseDnsServer } from '#lib/dns/server'
import { createAskGateway } from '../../../daemon/dns/gateway-dns-client.ts'
import { createResolver } from '../../../daemon/dns/resolver.ts'
import { startResolverServer } from '../../../daemon/dns/resolver-server.ts'
import { createSyntheticMap } from '../../../daemon/dns/synthetic-map.ts'
import { createAskUpstream } from '../../../daemon/dns/upstream-dns-client.ts'
import { compileZones } from '../../../daemon/dns/zones.ts'
import { connected } from '../../support/connected-device.ts'
import { address, rangeOf } from '../../support/dns.ts'
import { dnsmasq } from '../../support/dnsmasq.ts'
import { openGateway, policySource } from '../../support/opened-gateway.ts'
import { everyone } from '../../support/policy-builder.ts'
import { runProgram } from '../../support/run-program.ts'
import { memoryLog } from '../../support/tunnel.ts'

const LONG = Array.from(
  { length: 40 },
  (_, n) => `--txt-record=big.corp.test,${'x'.repeat(200)}${n}`,
)
const CORP = [
  '--local=/test/',
  '--host-record=wiki.corp.test,10.0.0.1',
  '--host-record=six.corp.test,fd00::6',
  '--host-record=secret.corp.test,10.0.0.2',
  '--cname=www.corp.test,intranet.corp.test',
  '--cname=intranet.corp.test,wiki.corp.test',
  '--mx-host=corp.test,wiki.corp.test,10',
  '--txt-record=wiki.corp.test,hello',
  '--srv-host=_ldap._tcp.corp.test,wiki.corp.test,389',
  '--ptr-record=1.0.0.10.in-addr.arpa,wiki.corp.test',
  ...LONG,
]
const LAB = [
  '--local=/test/',
  '--host-record=wiki.lab.test,10.1.0.1',
  '--txt-record=wiki.lab.test,lab',
]
const PUBLIC = [
  ...['--address=/example.com/93.184.216.34', '--address=/evil.example/10.0.0.1'],
  ...['--cname=cloak.example,nas.lan', '--host-record=nas.lan,10.0.0.1'],
]

const TUNNEL = { domains: ['corp.test', 'lab.test'], prefixes: ['10.0.0.0/8'] }
const about = { precedence: 1, include: everyone }
const blockSecret = { ...about, name: 'no-secrets', action: 'block', names: ['secret.corp.test'] }

/** A gateway with rules, a device of ann's with a resolver, and what `dig` says when it asks that. */
async function rig(t: ExecutionContext, ...rules: readonly object[]) {
  const [corp, lab, outside] = await Promise.all(
    [CORP, LAB, PUBLIC].map((one) => dnsmasq(t, ...one)),
  )
  const zones = [
    { domain: 'corp.test', resolvers: [corp] },
    { domain: 'lab.test', resolvers: [lab] },
    { domain: '10.in-addr.arpa', resolvers: [corp] },
  ]
  const destinations = ['*.corp.test:443', 'corp.test:443', '*.lab.test:443', '10.0.0.0/8:443']
  const policyWith = (...all: readonly object[]) =>
    policySource({
      tunnel: TUNNEL,
      dns: { zones, rules: all },
      network_rules: [{ ...about, name: 'staff', action: 'allow', destinations }],
    })
  const opened = await openGateway(t, policyWith(...rules))
  const { client, settings, until } = await connected(t, opened)
  await until(() => settings() !== undefined)
  const range = rangeOf('100.80.0.0/16', 'fd5e::/96')
  const upstream = parseDnsServer(outside ?? '')
  if (upstream === undefined) throw new Error('bad set-up')
  const compiled = compileZones({ ...TUNNEL, others: 'direct' }, [])
  const resolver = createResolver({
    zones: () => compiled,
    synthetic: createSyntheticMap(range, [], () => undefined),
    askGateway: createAskGateway((path, body) => client.post(path, body)),
    askUpstream: createAskUpstream(() => [upstream]),
    mayLead: () => false,
    now: Date.now,
    log: memoryLog(),
  })
  const listening = { addresses: [address('127.0.0.1')], port: 0, answer: resolver.answer }
  const server = await startResolverServer(listening)
  t.teardown(() => server.close())
  const dig = async (...words: readonly string[]) => {
    const own = ['dig', '@127.0.0.1', '-p', String(server.port), '+tries=1', '+time=30']
    return (await runProgram([...own, ...words])).stdout
  }
  return { opened, client, until, settings, policyWith, resolver, dig }
}

for (const via of ['+notcp', '+tcp']) {
  test(`D3 G12 T104: dig asks for private names of every kind, ${via}`, async (t) => {
    const { dig } = await rig(t)
    const short = (...words: string[]) => dig(via, '+short', ...words)
    t.regex(await short('wiki.corp.test'), /^100\.80\./)
    t.regex(await short('wiki.corp.test', 'AAAA'), /^fd5e::/)
    t.regex(await short('six.corp.test'), /^100\.80\./, 'a name with an IPv6 address only')
    t.regex(await short('www.corp.test'), /^100\.80\./, 'an alias of an alias')
    t.is(await short('www.corp.test', 'CNAME'), 'intranet.corp.test.\n')
    t.is(await short('corp.test', 'MX'), '10 wiki.corp.test.\n')
    t.is(await short('wiki.corp.test', 'TXT'), '"hello"\n')
    t.is(await short('_ldap._tcp.corp.test', 'SRV'), '0 0 389 wiki.corp.test.\n')
    t.is(await short('-x', '10.0.0.1'), 'wiki.corp.test.\n')
    t.is(await short('wiki.lab.test', 'TXT'), '"lab"\n', 'a zone with resolvers of its own')
    t.is((await short('big.corp.test', 'TXT')).split('\n').length, 41)
  })
}

test('D3 G12: dig learns what is not there, and what has nothing of a type', async (t) => {
  const { dig } = await rig(t)
  t.regex(await dig('absent.corp.test'), /status: NXDOMAIN[\s\S]*corp\.test\.\s+\d+\s+IN\s+SOA/)
  t.regex(await dig('corp.test'), /status: NOERROR[\s\S]*ANSWER: 0,/)
  t.regex(await dig('wiki.corp.test', 'MX'), /status: NOERROR[\s\S]*ANSWER: 0,/)
})

test('D3 T104: public names do not reach the gateway, and may not lead to private addresses', async (t) => {
  const { dig, opened } = await rig(t)
  t.is(await dig('+short', 'example.com'), '93.184.216.34\n')
  t.regex(await dig('evil.example'), /ANSWER: 0,[\s\S]*EDE: 15/)
  t.regex(await dig('cloak.example'), /ANSWER: 0,[\s\S]*EDE: 15/, 'by an alias of a local name')
  t.deepEqual(opened.data.store.dnsLog.list({ limit: 9 }), [])
})

test('G12: a name that is blocked is not there for dig, and may not be connected to either', async (t) => {
  const { dig, client } = await rig(t, { ...blockSecret, text: 'Ask the service desk' })
  const said = await dig('secret.corp.test')
  t.regex(said, /status: NXDOMAIN/)
  t.regex(said, /EDE: 15 .*Ask the service desk/)
  const flow = await client.openFlow({ host: 'secret.corp.test', port: 443 }, {})
  t.is(flow.ok ? 'open' : flow.error.reason, 'blocked_by_dns_rule')
})

test('G12: a name that leads to a blocked one is not there for dig', async (t) => {
  const names = ['wiki.corp.test']
  const { dig, opened, client } = await rig(t, { ...blockSecret, names, text: 'Ask IT' })
  const said = await dig('www.corp.test')
  t.regex(said, /status: NXDOMAIN/)
  t.regex(said, /EDE: 15 .*Ask IT \(wiki\.corp\.test\)/)
  const [line] = opened.data.store.dnsLog.list({ limit: 1 })
  t.like(line, { name: 'www.corp.test', alias: 'wiki.corp.test', rule: 'no-secrets' })
  const flow = await client.openFlow({ host: 'www.corp.test', port: 443 }, {})
  t.is(flow.ok ? 'open' : flow.error.reason, 'blocked_by_dns_rule')
})

test('G12: a name that is refused is refused', async (t) => {
  const { dig } = await rig(t, { ...blockSecret, answer: 'refused', text: 'Ask IT' })
  t.regex(await dig('secret.corp.test'), /status: REFUSED[\s\S]*Ask IT/)
})

test('G12: a rule answers itself', async (t) => {
  const names = ['new.corp.test']
  const override = { ...about, name: 'new', action: 'override', names }
  const fixed = await rig(t, { ...override, addresses: ['10.0.0.9'] })
  t.regex(await fixed.dig('+short', 'new.corp.test'), /^100\.80\./)
  const alias = await rig(t, { ...override, alias: 'wiki.corp.test' })
  t.is(await alias.dig('+short', 'new.corp.test', 'CNAME'), 'wiki.corp.test.\n')
  t.regex(await alias.dig('+short', 'new.corp.test'), /^100\.80\./)
})

test('G12: a change of policy counts at once, and the device forgets what it was told', async (t) => {
  const { dig, opened, policyWith, resolver, until, settings } = await rig(t)
  t.regex(await dig('+short', 'secret.corp.test'), /^100\.80\./)
  const before = settings()
  await opened.gateway.reload(policyWith(blockSecret))
  await until(() => settings() !== before)
  resolver.forget()
  t.regex(await dig('secret.corp.test'), /status: NXDOMAIN/)
  const [newest, oldest] = opened.data.store.dnsLog.list({ limit: 9 })
  t.like(oldest, { name: 'secret.corp.test', type: 1, verdict: 'permit', rcode: 0, revision: 1 })
  t.like(newest, { verdict: 'denial', reason: 'blocked_by_dns_rule', rule: 'no-secrets', rcode: 3 })
  t.like(newest, { email: 'demo@example.com', revision: 2 })
})
