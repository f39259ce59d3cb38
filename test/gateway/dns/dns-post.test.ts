/** Questions of devices, answered by real resolvers on loopback. */
import test, { type ExecutionContext } from 'ava'
import { type DnsAnswer, negativeTtl, readAnswer } from '#lib/dns/answer'
import { RCODE, TYPE } from '#lib/dns/codes'
import { readExtendedError } from '#lib/dns/extended-error'
import { negative } from '#lib/dns/negative-answer'
import { readQuery } from '#lib/dns/query'
import type { DnsRecord } from '#lib/dns/records'
import { addressFromBytes, formatAddress } from '#lib/net/address'
import { err, ok } from '#lib/result'
import type { DnsLogLine } from '../../../gateway/dns/dns-log-line.ts'
import { type DnsPostDeps, dnsPost } from '../../../gateway/dns/dns-post.ts'
import { lookUpIn, openLookupShares } from '../../../gateway/dns/lookup-shares.ts'
import { createNameAnswerer, type NameAnswererDeps } from '../../../gateway/dns/name-answerer.ts'
import { createNameServers } from '../../../gateway/dns/name-servers-client.ts'
import { evaluateName } from '../../../gateway/policy/evaluate-name.ts'
import type { TunnelPeer } from '../../../gateway/tunnel/incoming.ts'
import { address, answerFrom, queryFor } from '../../support/dns.ts'
import { dnsmasq, silentResolver } from '../../support/dnsmasq.ts'
import { everyone, factsOf, policyOf } from '../../support/policy-builder.ts'
import { memoryLog } from '../../support/tunnel.ts'

const { destination: _, sourceAddress, ...STANDING } = factsOf('x:1')
const PEER = {
  leaf: { deviceId: STANDING.subject.deviceId },
  sourceAddress,
  admitted: () => ok({ userId: 'u1' }),
} as unknown as TunnelPeer
const OPEN = ['*.corp.test:443', 'corp.test:443']

type AllDeps = DnsPostDeps & NameAnswererDeps

type Reply = { readonly refused?: string; readonly answer?: DnsAnswer; readonly octets?: number }

/** A gateway for `corp.test`, whose resolver is at `resolver`. */
function rig(resolver: string, change: Partial<AllDeps> = {}, rules: readonly object[] = []) {
  const policy = policyOf({
    tunnel: { domains: ['corp.test'] },
    dns: { zones: [{ domain: 'corp.test', resolvers: [resolver] }], rules },
    network_rules: [
      { name: 'staff', precedence: 1, action: 'allow', destinations: OPEN, include: everyone },
    ],
  })
  const nameServers = createNameServers(() => policy.document.dns.zones)
  const answerName = createNameAnswerer({
    decideName: (facts, question) => evaluateName(policy, facts, question, 0),
    nameServers,
    resolve: async () => err({ reason: 'name_not_found' }),
    hosts: new Map([['fixed.corp.test', '10.7.7.7']]),
    lookUp: lookUpIn(openLookupShares(64), nameServers.zoneOf),
    ...change,
  })
  const post = dnsPost({
    ...{ user: () => ({}) as never, standing: () => STANDING, answerName },
    note: () => undefined,
    now: Date.now,
    mayAsk: async () => true,
    log: memoryLog(),
    ...change,
  })
  return async (query: Uint8Array | string, peer = PEER): Promise<Reply> => {
    const text = typeof query === 'string' ? query : Buffer.from(query).toString('base64url')
    const { status, body } = await post(peer, JSON.stringify({ query: text }))
    if (status !== 200) throw new Error(`answered ${status}`)
    const reply = JSON.parse(body)
    if (typeof reply.refused === 'string') return { refused: reply.refused }
    const message = Buffer.from(reply.answer, 'base64url')
    const answer = readAnswer(message)
    if (answer === undefined) throw new Error('the answer is none')
    return { answer, octets: message.length }
  }
}

/** Types of the answer's records, and its code. */
function shapeOf({ answer, refused }: Reply) {
  const types = (section: string) =>
    answer?.records.filter((one) => one.section === section).map(({ type }) => type)
  return refused ?? { rcode: answer?.rcode, answer: types('answer'), authority: types('authority') }
}

const RECORDS = [
  '--local=/corp.test/',
  '--host-record=wiki.corp.test,10.0.0.1,fd00::1',
  '--cname=www.corp.test,wiki.corp.test',
  '--mx-host=corp.test,wiki.corp.test,10',
  '--txt-record=corp.test,v=spf1 -all',
  '--srv-host=_ldap._tcp.corp.test,wiki.corp.test,389',
]

const found = (...answer: number[]) => ({ rcode: RCODE.NOERROR, answer, authority: [] })

test('G12: every type of record is asked of the zone’s resolver, whole chains and denials too', async (t) => {
  const ask = rig(await dnsmasq(t, ...RECORDS))
  const shape = async (name: string, type: number) => shapeOf(await ask(queryFor(name, type)))
  t.deepEqual(await shape('wiki.corp.test', TYPE.A), found(TYPE.A))
  t.deepEqual(await shape('wiki.corp.test', TYPE.AAAA), found(TYPE.AAAA))
  t.deepEqual(await shape('www.corp.test', TYPE.A), found(TYPE.CNAME, TYPE.A))
  t.deepEqual(await shape('corp.test', TYPE.MX), found(TYPE.MX))
  t.deepEqual(await shape('corp.test', TYPE.TXT), found(TYPE.TXT))
  t.deepEqual(await shape('_ldap._tcp.corp.test', 33), found(33))
  t.deepEqual(await shape('wiki.corp.test', TYPE.MX), found())
  const absent = await ask(queryFor('absent.corp.test'))
  t.is(absent.answer?.rcode, RCODE.NXDOMAIN)
})

test('G12: an answer that is too long for UDP comes whole', async (t) => {
  const many = Array.from({ length: 40 }, (_, n) => `--txt-record=corp.test,${'x'.repeat(200)}${n}`)
  const ask = rig(await dnsmasq(t, '--local=/corp.test/', '--edns-packet-max=1232', ...many))
  const { answer, octets = 0 } = await ask(queryFor('corp.test', TYPE.TXT))
  t.is(answer?.records.filter(({ section }) => section === 'answer').length, 40)
  t.true(octets > 8000)
})

for (const rcode of [RCODE.NXDOMAIN, RCODE.NOERROR] as const) {
  test(`G12: a denial of the resolver keeps its SOA: ${rcode}`, async (t) => {
    const nameServers = {
      zoneOf: () => 'corp.test',
      async ask(_: string, query: Uint8Array) {
        const read = readQuery(query)
        const message = read?.ok && negative(read.value, rcode, 'corp.test', 77)
        const answer = message && readAnswer(message)
        return answer ? { ...answer, message, resolver: 'ns' } : undefined
      },
    }
    const { answer } = await rig('127.0.0.1:9', { nameServers })(queryFor('absent.corp.test'))
    t.is(answer?.rcode, rcode)
    t.is(answer && negativeTtl(answer), 77)
  })
}

test('G12: names with a fixed address are answered with it', async (t) => {
  const ask = rig('127.0.0.1:9')
  t.deepEqual(shapeOf(await ask(queryFor('fixed.corp.test'))), found(TYPE.A))
  const noData = { rcode: RCODE.NOERROR, answer: [], authority: [TYPE.SOA] }
  t.deepEqual(shapeOf(await ask(queryFor('fixed.corp.test', TYPE.AAAA))), noData)
})

test('G12: resolvers that do not answer make SERVFAIL', async (t) => {
  const reply = await rig('127.0.0.1:9')(queryFor('wiki.corp.test'))
  t.is(reply.answer?.rcode, RCODE.SERVFAIL)
})

const HIDDEN = { kind: 'denial', reason: 'name_not_permitted', zone: 'corp.test' } as never

test('G12: what policy does not permit looks like what is not there, and nobody is asked for it', async (t) => {
  let asked = 0
  const nameServers = {
    zoneOf: () => 'corp.test',
    ask: async () => {
      asked++
      return undefined
    },
  }
  const decideName = () => HIDDEN
  const reply = await rig('127.0.0.1:9', { nameServers, decideName })(queryFor('wiki.corp.test'))
  t.deepEqual(shapeOf(reply), { rcode: RCODE.NXDOMAIN, answer: [], authority: [TYPE.SOA] })
  t.is(asked, 0)
})

const about = { name: 'r', precedence: 1, names: ['wiki.corp.test'], include: everyone }
const ruled = (rule: object, change: Partial<AllDeps> = {}) =>
  rig('127.0.0.1:9', change, [{ ...about, ...rule }])
const errorOf = ({ answer }: Reply) => answer?.edns && readExtendedError(answer.edns.options)
/** Where the pointer leads that a record's name is. */
const ownerOf = ({ data }: DnsRecord) =>
  Buffer.from(data.buffer).readUInt16BE(data.byteOffset - 12) & 0x3fff
const textsOf = ({ answer }: Reply, type: number) =>
  answer?.records
    .filter((one) => one.type === type)
    .map(({ data }) => formatAddress(addressFromBytes(data)))

test('G12 T104: a zone that nobody may use is there all the same: what denies it denies what is below', async (t) => {
  const ask = rig('127.0.0.1:9', { decideName: () => HIDDEN })
  const apex = { rcode: RCODE.NOERROR, answer: [], authority: [TYPE.SOA] }
  t.deepEqual(shapeOf(await ask(queryFor('corp.test', TYPE.A))), apex)
  t.deepEqual(shapeOf(await ask(queryFor('corp.test', TYPE.SOA))), apex)
  t.is((await ask(queryFor('no.corp.test', TYPE.A))).answer?.rcode, RCODE.NXDOMAIN)
})

test('G12: a name that a rule blocks is not there, and the reason is told', async (t) => {
  const reply = await ruled({ action: 'block', text: 'Ask IT' })(queryFor('wiki.corp.test'))
  t.deepEqual(shapeOf(reply), { rcode: RCODE.NXDOMAIN, answer: [], authority: [TYPE.SOA] })
  t.deepEqual(errorOf(reply), { code: 15, text: 'Ask IT' })
})

test('G12: a name that a rule refuses has no answer', async (t) => {
  const reply = await ruled({ action: 'block', answer: 'refused' })(queryFor('wiki.corp.test'))
  t.is(reply.answer?.rcode, RCODE.REFUSED)
  t.deepEqual(errorOf(reply), { code: 15, text: 'blocked by policy' })
})

test('G12: a public name may be blocked, and answered, and is never looked up', async (t) => {
  const names = ['ads.example']
  const query = queryFor('ads.example')
  t.is((await ruled({ action: 'block', names })(query)).answer?.rcode, RCODE.NXDOMAIN)
  const sink = await ruled({ action: 'override', names, addresses: ['10.9.9.9'] })(query)
  t.deepEqual(textsOf(sink, TYPE.A), ['10.9.9.9'])
  const allowed = await ruled({ action: 'allow', names })(query)
  t.deepEqual(allowed, { refused: 'name_not_private' })
})

test('G12: strange names that a rule blocks have an SOA at the name itself', async (t) => {
  const ask = ruled({ action: 'block', names: ['*'] })
  for (const name of ['.', 'a b.example', 'ä.example']) {
    const { answer } = await ask(queryFor(name))
    const soa = answer?.records.find(({ type }) => type === TYPE.SOA)
    t.is(answer?.rcode, RCODE.NXDOMAIN)
    // A pointer to the question, behind the header.
    t.deepEqual(soa && ownerOf(soa), 12)
  }
})

test('G12: a rule gives a name its own addresses', async (t) => {
  const ask = ruled({ action: 'override', addresses: ['10.9.9.9', '10.9.9.8', 'fd00::9'] })
  t.deepEqual(textsOf(await ask(queryFor('wiki.corp.test')), TYPE.A), ['10.9.9.9', '10.9.9.8'])
  t.deepEqual(textsOf(await ask(queryFor('wiki.corp.test', TYPE.AAAA)), TYPE.AAAA), ['fd00::9'])
  const any = await ask(queryFor('wiki.corp.test', TYPE.ANY))
  t.deepEqual(shapeOf(any), found(TYPE.A, TYPE.A, TYPE.AAAA))
  const mail = shapeOf(await ask(queryFor('wiki.corp.test', TYPE.MX)))
  t.deepEqual(mail, { rcode: RCODE.NOERROR, answer: [], authority: [TYPE.SOA] })
})

const CHAIN = [
  '--local=/corp.test/ads.test/',
  '--cname=www.corp.test,cdn.corp.test',
  '--cname=cdn.corp.test,x.ads.test',
  '--host-record=x.ads.test,10.0.0.66',
]
const chained = (precedence: number, action: string, name: string, more: object = {}) => ({
  ...{ name: `${action}-${name}`, precedence, action, names: [name], include: everyone },
  ...more,
})
const toAds = chained(5, 'block', 'x.ads.test', { text: 'No trackers' })
const CHAINS: Readonly<Record<string, readonly [readonly object[], RegExp, string?]>> = {
  'no rule': [[], /^0 10\.0\.0\.66$/],
  'a block of the end': [[toAds], /^3 No trackers \(x\.ads\.test\)$/, 'x.ads.test'],
  'a block between': [
    [chained(5, 'block', 'cdn.corp.test', { answer: 'refused' })],
    /^5 blocked by policy \(cdn\.corp\.test\)$/,
    'cdn.corp.test',
  ],
  'a block of the name': [[chained(5, 'block', 'www.corp.test')], /^3 blocked by policy$/],
  'a block of another type': [
    [chained(5, 'block', 'x.ads.test', { types: ['AAAA'] })],
    /^0 10\.0\.0\.66$/,
  ],
  'an earlier allow of the name': [[chained(1, 'allow', 'www.corp.test'), toAds], /^0 10\.0/],
  'a later allow of the name': [
    [chained(9, 'allow', 'www.corp.test'), toAds],
    /^3 No/,
    'x.ads.test',
  ],
  'an override of the end': [
    [chained(5, 'override', 'x.ads.test', { addresses: ['10.0.0.9'] })],
    /^0 10\.0\.0\.9$/,
    'x.ads.test',
  ],
}
for (const [title, [rules, expected, alias]] of Object.entries(CHAINS)) {
  test(`G12: aliases meet rules: ${title}`, async (t) => {
    const resolver = await dnsmasq(t, ...CHAIN)
    const lines: DnsLogLine[] = []
    const ask = rig(resolver, { note: (line) => lines.push(line) }, rules)
    const reply = await ask(queryFor('www.corp.test'))
    const told = errorOf(reply)?.text ?? textsOf(reply, TYPE.A)?.join(' ')
    t.regex(`${reply.answer?.rcode} ${told}`, expected)
    t.is(lines[0]?.alias, alias)
  })
}

test('G12: an answer whose aliases cannot be read is none', async (t) => {
  const query = queryFor('www.corp.test')
  const loop = { type: TYPE.CNAME, ttl: 9, data: Buffer.of(0xc0, 43) }
  const message = answerFrom({ 'www.corp.test 1': { rcode: 0, answers: [loop] } }, query)
  const answer = readAnswer(message)
  const ask = async () => answer && { ...answer, message, resolver: 'ns' }
  const reply = await rig('127.0.0.1:9', { nameServers: { ask } })(query)
  t.is(reply.answer?.rcode, RCODE.SERVFAIL)
})

test('G12: a rule makes a name stand for another', async (t) => {
  const addresses = ['10.0.0.8', 'fd00::8'].map(address)
  const resolve = async (name: string) =>
    name === 'new.corp.test' ? ok(addresses as never) : err({ reason: 'name_not_found' } as const)
  const ask = ruled({ action: 'override', alias: 'new.corp.test' }, { resolve })
  const reply = await ask(queryFor('wiki.corp.test'))
  t.deepEqual(shapeOf(reply), found(TYPE.CNAME, TYPE.A))
  t.deepEqual(textsOf(reply, TYPE.A), ['10.0.0.8'])
  t.deepEqual(shapeOf(await ask(queryFor('wiki.corp.test', TYPE.MX))), found(TYPE.CNAME))
  const gone = ruled({ action: 'override', alias: 'gone.corp.test' }, { resolve })
  t.deepEqual(shapeOf(await gone(queryFor('wiki.corp.test'))), found(TYPE.CNAME))
})

const changed = (change: (query: Buffer) => void) => {
  const query = queryFor('wiki.corp.test')
  change(query)
  return query
}
const STRANGER = { ...PEER, admitted: () => err({ reason: 'device_revoked' }) } as TunnelPeer
type Case = readonly [Uint8Array | string, Partial<AllDeps>?, TunnelPeer?]
const REFUSED: Readonly<Record<string, Case>> = {
  name_not_private: [queryFor('example.com')],
  device_refused: [queryFor('wiki.corp.test'), {}, STRANGER],
  too_many_questions: [queryFor('wiki.corp.test'), { mayAsk: async () => false }],
  not_a_query: [answerFrom({}, queryFor('wiki.corp.test'))],
  malformed: [changed((query) => query.writeUInt16BE(2, 4))],
  opcode: [changed((query) => query.writeUInt16BE(0x2800, 2))],
  class: [changed((query) => query.writeUInt16BE(3, 30))],
  meta_type: [queryFor('corp.test', TYPE.AXFR)],
  query_too_long: [Buffer.alloc(4097)],
}

for (const [reason, [query, change, peer]] of Object.entries(REFUSED)) {
  test(`G12: a question is refused: ${reason}`, async (t: ExecutionContext) => {
    t.deepEqual(await rig('127.0.0.1:9', change)(query, peer), { refused: reason })
  })
}

for (const body of ['', '{}', '[]', '{"query":"*"}', '{"query":"AAAA","more":1}', '{"query":1}']) {
  test(`G12: a body is refused: ${body || 'empty'}`, async (t) => {
    const post = dnsPost({
      ...{ user: () => ({}) as never, standing: () => STANDING, note: () => undefined },
      answerName: () => Promise.reject(new Error('nothing was asked')),
      now: Date.now,
      mayAsk: async () => true,
      log: memoryLog(),
    })
    t.deepEqual(await post(PEER, body), { status: 200, body: '{"refused":"malformed"}' })
  })
}

test('G12: a question without a place is not looked up, and the reason is told and written down', async (t) => {
  const lines: DnsLogLine[] = []
  const note = (line: DnsLogLine) => lines.push(line)
  const resolve = async () => err({ reason: 'too_many_lookups' } as const)
  const full = { lookUp: async () => undefined, resolve, note }
  const reply = await rig('127.0.0.1:9', full)(queryFor('wiki.corp.test'))
  t.is(reply.answer?.rcode, RCODE.SERVFAIL)
  t.deepEqual(errorOf(reply), { code: 0, text: 'too_many_lookups' })
  t.like(lines[0], { verdict: 'permit', reason: 'too_many_lookups', rcode: RCODE.SERVFAIL })
  const alias = ruled({ action: 'override', alias: 'new.corp.test' }, full)
  t.is((await alias(queryFor('wiki.corp.test'))).answer?.rcode, RCODE.SERVFAIL)
})

test('G12: a device whose resolver is dead leaves the others theirs', async (t) => {
  const dead = await silentResolver(t)
  const live = await dnsmasq(t, '--local=/live.test/', '--host-record=wiki.live.test,10.0.0.1')
  const { zones } = policyOf({
    dns: {
      zones: [
        { domain: 'dead.test', resolvers: [dead] },
        { domain: 'live.test', resolvers: [live] },
      ],
    },
  }).document.dns
  const nameServers = createNameServers(() => zones)
  const ask = rig(live, {
    decideName: () => ({ kind: 'permit', reason: 'name_within_reach', revision: 1, trace: [] }),
    nameServers,
    lookUp: lookUpIn(openLookupShares(64), nameServers.zoneOf),
    standing: ({ id }) => ({ ...STANDING, subject: { ...STANDING.subject, deviceId: id } }),
  })
  const peerOf = (id: string) =>
    ({ ...PEER, admitted: () => ok({ id, userId: 'u1' }) }) as TunnelPeer
  let pending = 0
  const noisy = Array.from({ length: 64 }, async (_, n) => {
    pending++
    const reply = await ask(queryFor(`n${n}.dead.test`), peerOf('noisy'))
    pending--
    return reply
  })
  const others = await Promise.all([
    ask(queryFor('wiki.live.test'), peerOf('other')),
    ask(queryFor('wiki.live.test'), peerOf('noisy')),
  ])
  for (const reply of others) t.deepEqual(shapeOf(reply), found(TYPE.A))
  t.true(pending > 0, 'answered while the dead one is still waited for')
  const errors = (await Promise.all(noisy)).map(errorOf)
  t.deepEqual(
    [0, 22].map((code) => errors.filter((one) => one?.code === code).length),
    [57, 7],
  )
})
