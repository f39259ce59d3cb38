import test from 'ava'
import fc from 'fast-check'
import { createEchoTranslation, ECHO_LIMIT } from '../../../gateway/enforce/echo-message.ts'
import { createRateLimit } from '../../../gateway/enforce/rate-limit.ts'

const numRuns = process.env['ZT_FULL'] === undefined ? 200 : 20_000
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const REQUEST = hex('0800 beef 1234 0001 6162')

for (const [version, asked, came] of [
  [4, '0800 0000 1234 0001 6162', '0000 1111 9999 0001 6162'],
  [6, '8000 0000 1234 0001 6162', '8100 1111 9999 0001 6162'],
] as const) {
  test(`echo over IPv${version}: numbers of the version go out, the flow's identifier comes back`, (t) => {
    const translation = createEchoTranslation(version)
    t.deepEqual(translation.request(REQUEST), hex(asked))
    t.deepEqual(translation.reply(hex(came)), hex('0000 0000 1234 0001 6162'))
  })
}

const about = { 4: hex('0800 ffff 9999 0007 6162'), 6: hex('8000 ffff 9999 0007 6162') }
for (const [title, version, type, code, mtu, wanted] of [
  ['a port that is closed', 4, 3, 3, 0, '0303 0000 0000 0000'],
  ['a packet too long for the way', 4, 3, 4, 1400, '0304 0000 0000 0578'],
  ['the end of hops', 4, 11, 0, 0, '0b00 0000 0000 0000'],
  ['no route in IPv6', 6, 1, 0, 0, '0301 0000 0000 0000'],
  ['what is forbidden in IPv6', 6, 1, 1, 0, '030a 0000 0000 0000'],
  ['an address nobody has in IPv6', 6, 1, 3, 0, '0301 0000 0000 0000'],
  ['a port that is closed in IPv6', 6, 1, 4, 0, '0303 0000 0000 0000'],
  ['a packet too long in IPv6, by the shorter header', 6, 2, 0, 1400, '0304 0000 0000 0564'],
  ['the end of hops in IPv6', 6, 3, 1, 0, '0b01 0000 0000 0000'],
] as const) {
  test(`errors by the numbers of ICMPv4: ${title}`, (t) => {
    const translation = createEchoTranslation(version)
    translation.request(REQUEST)
    const told = translation.error({ type, code, mtu, about: about[version] })
    t.deepEqual(told, hex(`${wanted} 0800 0000 1234 0007`))
  })
}

test('errors that tell the device nothing, or are about no request, are kept back', (t) => {
  for (const version of [4, 6] as const) {
    const translation = createEchoTranslation(version)
    const error = { type: version === 4 ? 3 : 1, code: 1, mtu: 0, about: about[version] }
    t.is(translation.error(error), undefined)
    translation.request(REQUEST)
    t.not(translation.error(error), undefined)
    t.is(translation.error({ ...error, type: version === 4 ? 12 : 4 }), undefined)
    t.is(translation.error({ ...error, about: about[version].subarray(0, 7) }), undefined)
    t.is(translation.error({ ...error, about: about[version === 4 ? 6 : 4] }), undefined)
  }
})

for (const [title, message] of [
  ['a reply', hex('0000 0000 1234 0001')],
  ['another code', hex('0801 0000 1234 0001')],
  ['a router advertisement', hex('0900 0000 1234 0001')],
  ['an ICMPv6 request', hex('8000 0000 1234 0001')],
  ['a header cut short', hex('0800 0000 1234 00')],
  ['nothing', Buffer.alloc(0)],
  [
    'one octet too many',
    Buffer.concat([REQUEST, Buffer.alloc(ECHO_LIMIT)]).subarray(0, ECHO_LIMIT + 1),
  ],
  ['the identifier of another program', hex('0800 0000 4321 0002')],
] as const) {
  test(`a device cannot send ${title}`, (t) => {
    const translation = createEchoTranslation(4)
    t.not(translation.request(REQUEST), undefined)
    t.is(translation.request(message), undefined)
  })
}

test('no message throws; what is let out is a request or an answer, never longer than what came', (t) => {
  const message = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.uint8Array({ minLength: 8, maxLength: 64 }).map((octets) => {
      octets.set([8, 0])
      return octets
    }),
  )
  const never = fc.property(
    fc.constantFrom<4 | 6>(4, 6),
    fc.array(message, { maxLength: 8 }),
    fc.nat(255),
    fc.nat(255),
    (version, messages, type, code) => {
      const translation = createEchoTranslation(version)
      for (const one of messages) {
        const asked = translation.request(one)
        t.true(asked === undefined || (asked.length === one.length && asked[1] === 0))
        const told = translation.error({ type, code, mtu: 2 ** 32 - 1, about: one })
        t.true(told === undefined || (told.length === 16 && [3, 11].includes(told[0] ?? 0)))
        const reply = translation.reply(one)
        t.true(reply === undefined || (reply.length === one.length && reply[0] === 0))
      }
    },
  )
  t.notThrows(() => fc.assert(never, { numRuns }))
})

test('a rate lets as many pass at once as in a second, and no more on average', (t) => {
  const mayPass = createRateLimit(50)
  const passing = (nowMs: number, count: number) =>
    Array.from({ length: count }, () => mayPass(nowMs)).filter(Boolean).length
  t.is(passing(1000, 100), 50)
  t.is(passing(1100, 100), 5)
  t.is(passing(1100, 100), 0)
  t.is(passing(900, 100), 0)
  t.is(passing(60_000, 100), 50)
})
