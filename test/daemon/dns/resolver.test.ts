import test from 'ava'
import fc from 'fast-check'
import { type DnsAnswer, negativeTtl, readAnswer } from '#lib/dns/answer'
import { FLAG, TYPE } from '#lib/dns/codes'
import { addressFromBytes, formatAddress, type IpAddress } from '#lib/net/address'
import type { GatewayReply } from '../../../daemon/dns/existence.ts'
import type { ResolverDeps } from '../../../daemon/dns/resolver.ts'
import { createSyntheticMap } from '../../../daemon/dns/synthetic-map.ts'
import { noUpstream, queryFor, type ResolverRig, rangeOf, resolverRig } from '../../support/dns.ts'

const RUNS = process.env['ZT_FULL'] ? 20_000 : 200

async function ask(
  rig: ResolverRig,
  query: Uint8Array,
  via: 'udp' | 'tcp' = 'udp',
): Promise<DnsAnswer> {
  const message = await rig.answer(query, via)
  const answer = message && readAnswer(message)
  if (answer === undefined) throw new Error('no answer')
  return answer
}

function text(answer: DnsAnswer): string {
  const answers = answer.records.filter(({ section }) => section === 'answer')
  const found = answers.map(({ type, data }) =>
    type === TYPE.A || type === TYPE.AAAA
      ? formatAddress(addressFromBytes(data))
      : `${type}:${Buffer.from(data)
          .toString('latin1')
          .replace(/[^a-z]+/g, '.')}`,
  )
  return [`rcode ${answer.rcode}`, ...found].join(' ')
}

const A_SYNTHETIC = /^rcode 0 100\.80\.\d+\.\d+$/
const AAAA_SYNTHETIC = /^rcode 0 fd5e::[0-9a-f:]+$/

const table: Record<string, [string, number, RegExp]> = {
  'a name of ours gets a synthetic address': ['wiki.corp.internal', TYPE.A, A_SYNTHETIC],
  'and its IPv6 one, whatever the target has': ['wiki.corp.internal', TYPE.AAAA, AAAA_SYNTHETIC],
  'HTTPS has no data, so that no hint leads around': [
    'wiki.corp.internal',
    TYPE.HTTPS,
    /^rcode 0$/,
  ],
  'SVCB has no data': ['wiki.corp.internal', TYPE.SVCB, /^rcode 0$/],
  'HTTPS of no name is NXDOMAIN': ['none.corp.internal', TYPE.HTTPS, /^rcode 3$/],
  'ANY is one set of records': ['wiki.corp.internal', TYPE.ANY, A_SYNTHETIC],
  'a name with IPv6 only has both': ['six.corp.internal', TYPE.A, A_SYNTHETIC],
  'a chain that leaves our zones': ['alias.corp.internal', TYPE.A, A_SYNTHETIC],
  'a single label': ['single', TYPE.A, A_SYNTHETIC],
  'a name that is not there': ['none.corp.internal', TYPE.A, /^rcode 3$/],
  'a name without addresses': ['mail.corp.internal', TYPE.A, /^rcode 0$/],
  'another type is the gateway’s answer': ['mail.corp.internal', TYPE.MX, /^rcode 0 15:/],
  'a resolver that failed': ['broken.corp.internal', TYPE.A, /^rcode 2$/],
  'no host name': ['a b.corp.internal', TYPE.A, /^rcode 0$/],
  'the gateway itself, outside the tunnel (T103)': [
    'gw.corp.internal',
    TYPE.A,
    /^rcode 0 198.51.100.7$/,
  ],
  'a name that is not ours': ['example.com', TYPE.A, /^rcode 0 93.184.216.34$/],
  'a name that only ends alike': ['evilcorp.internal', TYPE.A, /^rcode 3$/],
  'the canary of DNS over HTTPS': ['use-application-dns.net', TYPE.A, /^rcode 3$/],
  'a tunnelled address backwards': ['3.2.1.10.in-addr.arpa', TYPE.PTR, /^rcode 0 12:.*wiki/],
  'a synthetic address of nobody': ['9.9.80.100.in-addr.arpa', TYPE.PTR, /^rcode 3$/],
  'a zone transfer': ['corp.internal', TYPE.AXFR, /^rcode 5$/],
  'rebinding (T104)': ['evil.example', TYPE.A, /^rcode 0$/],
  'rebinding to loopback (T104)': ['evil6.example', TYPE.AAAA, /^rcode 0$/],
  'rebinding by a hint (T104)': ['hinted.example', TYPE.HTTPS, /^rcode 0$/],
  'a public name at a synthetic address (T105)': ['ours.example', TYPE.A, /^rcode 0$/],
  'a home name at a synthetic address (T105)': ['lan-stealer.lan', TYPE.A, /^rcode 0$/],
  'a home name at a home address': ['nas.lan', TYPE.A, /^rcode 0 192.168.1.5$/],
}
for (const [title, [name, type, wanted]] of Object.entries(table)) {
  test(`D3 T104: ${title}`, async (t) => {
    t.regex(text(await ask(resolverRig(), queryFor(name, type))), wanted)
  })
}

test('D13 T104: a public name may lead to the private address that is open to it, and to no other', async (t) => {
  const mayLead = (name: string, address: IpAddress) =>
    name === 'evil.example' && formatAddress(address) === '10.1.2.3'
  const rig = resolverRig({ mayLead })
  t.regex(text(await ask(rig, queryFor('evil.example'))), /10\.1\.2\.3/)
  t.is(text(await ask(rig, queryFor('evil6.example', TYPE.AAAA))), 'rcode 0')
  const toOurs = resolverRig({ mayLead: () => true })
  t.is(text(await ask(toOurs, queryFor('ours.example'))), 'rcode 0')
})

test('D3: the name behind a synthetic address, v4 and v6', async (t) => {
  const rig = resolverRig()
  const v4 = text(await ask(rig, queryFor('wiki.corp.internal'))).slice(8)
  const reverse = `${v4.split('.').reverse().join('.')}.in-addr.arpa`
  t.regex(text(await ask(rig, queryFor(reverse, TYPE.PTR))), /12:\.wiki\.corp\.internal/)
  t.is(text(await ask(rig, queryFor(reverse, TYPE.TXT))), 'rcode 0')
  const { data } = (await ask(rig, queryFor('wiki.corp.internal', TYPE.AAAA))).records[0] ?? {}
  const nibbles = [...Buffer.from(data ?? []).toString('hex')].reverse().join('.')
  t.regex(text(await ask(rig, queryFor(`${nibbles}.ip6.arpa`, TYPE.PTR))), /wiki/)
})

test('D3 T104: letters, id, RD and CD of the question are in the answer, AD is not made up', async (t) => {
  for (const name of ['wIkI.CoRp.InTeRnAl', 'MaIl.CORP.internal', 'EXAMPLE.com']) {
    const query = queryFor(name, name.startsWith('M') ? TYPE.MX : TYPE.A, FLAG.CD | FLAG.AD)
    const answer = Buffer.from((await resolverRig().answer(query, 'udp')) ?? [])
    t.true(answer.includes(Buffer.from(name.split('.')[0] ?? '')), name)
    t.is(answer.readUInt16BE(0), 0x1234)
    const flags = answer.readUInt16BE(2)
    t.is(flags & (FLAG.RD | FLAG.CD | FLAG.AD | FLAG.RA), FLAG.RD | FLAG.CD | FLAG.RA)
  }
})

test('D3: one question to the gateway for many, and again when the answer is old', async (t) => {
  const rig = resolverRig()
  const query = queryFor('wiki.corp.internal')
  await Promise.all([rig.answer(query, 'udp'), rig.answer(query, 'udp'), rig.answer(query, 'tcp')])
  await rig.answer(queryFor('wiki.corp.internal', TYPE.AAAA), 'udp')
  t.deepEqual(rig.asked, ['wiki.corp.internal 1'])
  rig.nowMs += 30_000
  await rig.answer(query, 'udp')
  rig.forget()
  await rig.answer(query, 'udp')
  t.is(rig.asked.length, 3)
  t.is(rig.counters.ours, 6)
})

test('D3: a name in use is asked for before its answer is old, and nobody waits', async (t) => {
  let reply: GatewayReply = { kind: 'absent' }
  const rig = resolverRig({ askGateway: async () => reply })
  const query = queryFor('wiki.corp.internal')
  const answered = async (afterMs: number): Promise<string> => {
    rig.nowMs += afterMs
    return text(await ask(rig, query))
  }
  const address = await answered(0)
  t.regex(address, A_SYNTHETIC)
  reply = { kind: 'refused', reason: 'dns_blocked' }
  t.is(await answered(14_000), address, 'not asked yet')
  t.is(await answered(500), address)
  t.is(await answered(1000), address, 'asked behind this answer')
  t.is(await answered(0), 'rcode 5')
})

test('D3: a gateway that is away takes no name away that is known', async (t) => {
  let reply: GatewayReply = { kind: 'absent' }
  let questions = 0
  const askGateway = async () => {
    questions++
    return reply
  }
  const rig = resolverRig({ askGateway })
  const query = queryFor('wiki.corp.internal')
  t.regex(text(await ask(rig, query)), A_SYNTHETIC)
  reply = { kind: 'unreachable', reason: 'not_connected' }
  rig.nowMs += 15_000
  for (const _ of Array(5)) t.regex(text(await ask(rig, query)), A_SYNTHETIC)
  t.is(questions, 2, 'a failure is kept for a second')
  rig.nowMs += 15_000
  t.is(text(await ask(rig, query)), 'rcode 2')
})

test('D3 T104: denials say how long they hold', async (t) => {
  for (const name of ['none.corp.internal', 'mail.corp.internal']) {
    const answer = await ask(resolverRig(), queryFor(name))
    t.is(negativeTtl(answer), 5, name)
  }
})

const gatewayReplies: Record<
  string,
  [GatewayReply, number, RegExp, (keyof ResolverRig['counters']['refused'])?]
> = {
  'is away: SERVFAIL': [
    { kind: 'unreachable', reason: 'not_connected' },
    TYPE.A,
    /rcode 2$/,
    'gateway_unreachable',
  ],
  'is away, other types: SERVFAIL': [
    { kind: 'unreachable', reason: 'timeout' },
    TYPE.TXT,
    /rcode 2$/,
    'gateway_unreachable',
  ],
  'refuses: REFUSED': [
    { kind: 'refused', reason: 'dns_blocked' },
    TYPE.A,
    /rcode 5$/,
    'gateway_refused',
  ],
  'refuses other types: REFUSED': [
    { kind: 'refused', reason: 'dns_blocked' },
    TYPE.MX,
    /rcode 5$/,
    'gateway_refused',
  ],
  'answers no DNS: every name is there': [{ kind: 'absent' }, TYPE.A, A_SYNTHETIC],
  'answers no DNS: other types have no data': [{ kind: 'absent' }, TYPE.TXT, /rcode 0$/],
  'sends garbage: SERVFAIL': [
    { kind: 'answer', message: Buffer.alloc(40, 7) },
    TYPE.A,
    /rcode 2$/,
    'gateway_unreachable',
  ],
  'answers another question: SERVFAIL': [
    {
      kind: 'answer',
      message: Buffer.concat([
        Buffer.from('000081000001000000000000', 'hex'),
        queryFor('a.b').subarray(12, -11),
      ]),
    },
    ...([TYPE.TXT, /rcode 2$/, 'gateway_unreachable'] as const),
  ],
}
for (const [title, [reply, type, wanted, counter]] of Object.entries(gatewayReplies)) {
  test(`D3 T104: the gateway ${title}`, async (t) => {
    const rig = resolverRig({ askGateway: async () => reply })
    t.regex(text(await ask(rig, queryFor('wiki.corp.internal', type))), wanted)
    if (counter !== undefined) t.is(rig.counters.refused[counter], 1)
  })
}

test('D3: what is refused is counted, and says why to who understands EDNS', async (t) => {
  const rig = resolverRig({ askUpstream: noUpstream })
  const message = await rig.answer(queryFor('example.com'), 'udp')
  t.true(Buffer.from(message ?? []).includes('not our zone'))
  t.is(rig.counters.refused.no_upstream, 1)
  const plain = queryFor('example.com').subarray(0, -11)
  plain.writeUInt16BE(0, 10)
  t.is((await rig.answer(plain, 'udp'))?.length, plain.length, 'nothing for who does not')
})

test('D3 T104: answers to nothing that was asked are counted', async (t) => {
  const rig = resolverRig({
    askUpstream: async (query, via, onStray) => {
      onStray()
      return noUpstream(query, via, onStray)
    },
  })
  await rig.answer(queryFor('example.com'), 'udp')
  t.is(rig.counters.strayAnswers, 1)
})

test('D3 T104: when every address stands for a name, further names are refused and the others go on', async (t) => {
  const range = rangeOf('100.80.0.0/24', 'fd5e::/104', [])
  const rig = resolverRig({
    synthetic: createSyntheticMap(range, [], () => undefined),
    askGateway: async () => ({ kind: 'absent' }),
  })
  let given = 0
  while (rig.counters.refused.exhausted === 0 && given < 1000) {
    await rig.answer(queryFor(`n${given++}.corp.internal`), 'udp')
  }
  t.is(given, 255, 'all but first and last, and one more')
  t.is(text(await ask(rig, queryFor('late.corp.internal'))), 'rcode 2')
  t.is(rig.counters.refused.exhausted, 2)
  t.regex(text(await ask(rig, queryFor('n7.corp.internal'))), A_SYNTHETIC)
})

test('D3: no more questions than a bound are under way', async (t) => {
  const askGateway: ResolverDeps['askGateway'] = () => new Promise(() => undefined)
  const rig = resolverRig({ askGateway })
  for (let index = 0; index < 512; index++)
    rig.answer(queryFor(`n${index}.corp.internal`), 'udp').catch(t.fail)
  t.is(text(await ask(rig, queryFor('late.corp.internal'))), 'rcode 2')
  t.is(rig.counters.refused.overload, 1)
})

test('D3: a question forwarded comes back to itself only once (loop)', async (t) => {
  let rounds = 0
  const rig: ResolverRig = resolverRig({
    askUpstream: async (query) => {
      rounds++
      const looped = Buffer.from(query)
      looped.writeUInt16BE(7)
      const back = rig.answer(looped, 'udp').then(() => true)
      const isBack = await Promise.race([back, Promise.resolve(false)])
      return isBack
        ? noUpstream(query, 'udp', t.fail)
        : { ok: false, error: { reason: 'upstream_failed' } }
    },
  })
  t.is(text(await ask(rig, queryFor('example.com'))), 'rcode 2')
  t.is(rounds, 1)
})

const bad: Record<string, [(query: Buffer) => Buffer, number | undefined]> = {
  'too short': [(query) => query.subarray(0, 11), undefined],
  'an answer': [(query) => put(query, 2, 0x8180), undefined],
  'another opcode': [(query) => put(query, 2, 0x2800), 4],
  'no question': [(query) => put(query, 4, 0), 1],
  'two questions': [(query) => put(query, 4, 2), 1],
  'an answer section': [(query) => put(query, 6, 1), 1],
  'two OPT records': [(query) => put(Buffer.concat([query, query.subarray(-11)]), 10, 2), 1],
  'octets behind the end': [(query) => Buffer.concat([query, Buffer.of(0)]), 1],
  'cut off': [(query) => query.subarray(0, -3), 1],
  'a compressed question': [(query) => put(query, 12, 0xc00c), 1],
  'a pointer into the header': [(query) => put(query, 12, 0xc000), 1],
  'a label too long': [(query) => put(query, 12, 0x4161), 1],
  'another class': [(query) => put(query, query.length - 13, 3), 5],
  'another EDNS version': [(query) => put(query, query.length - 6, 0x0100), 0],
}
for (const [title, [change, rcode]] of Object.entries(bad)) {
  test(`D3: a question with ${title} gets ${rcode ?? 'no answer'}`, async (t) => {
    const answer = await resolverRig().answer(change(queryFor('wiki.corp.internal')), 'udp')
    t.is(answer === undefined ? undefined : (answer[3] ?? 0) & 15, rcode)
    t.true((answer?.length ?? 0) <= 80, 'no amplification')
  })
}

function put(query: Buffer, at: number, value: number): Buffer {
  query.writeUInt16BE(value, at)
  return query
}

test('D3: nothing that is asked or answered breaks the resolver', async (t) => {
  const spoilt = fc
    .tuple(fc.nat(200), fc.integer({ min: 0, max: 255 }), fc.nat(60))
    .map(([at, octet, cut]) => (message: Uint8Array) => {
      const changed = Buffer.from(message)
      changed[at % changed.length] = octet
      return cut < 50 ? changed : changed.subarray(0, changed.length - (cut - 49))
    })
  const property = fc.asyncProperty(spoilt, spoilt, async (ofQuery, ofAnswer) => {
    const rig = resolverRig({
      askGateway: async (query) => ({ kind: 'answer', message: ofAnswer(query) }),
      askUpstream: async (query) => ({ ok: true, value: ofAnswer(query) }),
    })
    for (const [name, type] of [
      ['mail.corp.internal', TYPE.MX],
      ['evil.example', TYPE.A],
    ] as const) {
      const answer = await rig.answer(ofQuery(queryFor(name, type)), 'udp')
      if (answer !== undefined && answer.length > 1232) return false
    }
    return true
  })
  await t.notThrowsAsync(fc.assert(property, { numRuns: RUNS }))
})

test('D3: random octets are no question', async (t) => {
  const property = fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (octets) => {
    const answer = await resolverRig().answer(octets, 'udp')
    return answer === undefined || answer.length <= octets.length + 64
  })
  await t.notThrowsAsync(fc.assert(property, { numRuns: RUNS }))
})
