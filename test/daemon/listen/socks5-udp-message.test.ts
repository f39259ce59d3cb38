import test from 'ava'
import fc from 'fast-check'
import { parseSocksDatagram, printSocksHeader } from '../../../daemon/listen/socks5-udp-message.ts'

const RUNS = process.env['ZT_FULL'] ? 20_000 : 200
const HI = [104, 105]
const V6_REST = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]

const cases: Readonly<Record<string, readonly [octets: readonly number[], wanted: string]>> = {
  'an IPv4 address': [[0, 0, 0, 1, 10, 0, 0, 5, 0, 53, ...HI], '10.0.0.5 53 hi'],
  'an IPv6 address': [[0, 0, 0, 4, 0xfd, 0, ...V6_REST, 0, 53, ...HI], 'fd00::1 53 hi'],
  'a name': [[0, 0, 0, 3, 2, 78, 115, 1, 0, ...HI], 'ns 256 hi'],
  'no payload': [[0, 0, 0, 1, 10, 0, 0, 5, 0, 53], '10.0.0.5 53 '],
  'a first fragment': [[0, 0, 1, 1, 10, 0, 0, 5, 0, 53, ...HI], 'fragment'],
  'a last fragment': [[0, 0, 0x81, 1, 10, 0, 0, 5, 0, 53, ...HI], 'fragment'],
  'reserved octets that are used': [[0, 1, 0, 1, 10, 0, 0, 5, 0, 53], 'malformed'],
  'a header that is cut off': [[0, 0, 0, 1, 10, 0, 0], 'malformed'],
  'an empty datagram': [[], 'malformed'],
  'an address type that is none': [[0, 0, 0, 2, 10, 0, 0, 5, 0, 53], 'address_type_not_supported'],
  'port 0': [[0, 0, 0, 1, 10, 0, 0, 5, 0, 0], 'bad_host'],
  'a name that is none': [[0, 0, 0, 3, 1, 32, 0, 53], 'bad_host'],
}

for (const [name, [octets, wanted]] of Object.entries(cases)) {
  test(`D1: a SOCKS5 datagram: ${name}`, (t) => {
    const parsed = parseSocksDatagram(Uint8Array.from(octets))
    if (!parsed.ok) return t.is(String(parsed.error.reason), wanted)
    const { host, port, payload } = parsed.value
    return t.is(`${host} ${port} ${Buffer.from(payload).toString()}`, wanted)
  })
}

test('D1: parsing never throws, and what parses is found behind its own header again', (t) => {
  const octets = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.uint8Array({ maxLength: 60 }).map((rest) => Uint8Array.of(0, 0, 0, ...rest)),
  )
  const same = fc.property(octets, (input) => {
    const parsed = parseSocksDatagram(input)
    if (!parsed.ok) return
    const { host, port, payload } = parsed.value
    const again = Buffer.concat([printSocksHeader(host, port), payload])
    const { value } = parseSocksDatagram(again) as typeof parsed
    t.deepEqual([value.host, value.port], [host, port])
    t.deepEqual(Buffer.from(value.payload), Buffer.from(payload))
  })
  t.notThrows(() => fc.assert(same, { numRuns: RUNS }))
})
