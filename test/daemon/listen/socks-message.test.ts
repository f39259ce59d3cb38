import test from 'ava'
import fc from 'fast-check'
import * as socks4 from '../../../daemon/listen/socks4-message.ts'
import * as socks5 from '../../../daemon/listen/socks5-message.ts'

const runs = { numRuns: process.env['ZT_FULL'] ? 5000 : 200 }

const accepted5: Record<string, [number[], string, number]> = {
  'an IPv4 address': [[5, 1, 0, 1, 10, 0, 0, 1, 1, 187], '10.0.0.1', 443],
  'a name': [[5, 1, 0, 3, 4, 0x57, 0x69, 0x6b, 0x69, 0, 80], 'wiki', 80],
  'an IPv6 address': [[5, 1, 0, 4, 0x20, 1, 0xd, 0xb8, ...zeros(11), 1, 0, 22], '2001:db8::1', 22],
  'an IPv4-mapped address as IPv4': [
    [5, 1, 0, 4, ...zeros(10), 255, 255, 10, 0, 0, 1, 0, 22],
    '10.0.0.1',
    22,
  ],
  'a name that is an IPv4 literal as the address': [
    [5, 1, 0, 3, 8, ...Buffer.from('10.0.0.1'), 0, 22],
    '10.0.0.1',
    22,
  ],
}
for (const [title, [octets, host, port]] of Object.entries(accepted5)) {
  test(`D1 T121: SOCKS5 takes ${title}`, (t) => {
    const parsed = socks5.parseRequest(Uint8Array.of(...octets, 0xaa))
    t.deepEqual(parsed, {
      ok: true,
      value: { command: 'connect', host, port, size: octets.length },
    })
  })
}

const refused5: Record<string, [number[], string, number]> = {
  BIND: [[5, 2, 0, 1, 10, 0, 0, 1, 0, 80], 'command_not_supported', 7],
  'an unknown address type': [[5, 1, 0, 2, 0, 0, 0, 0, 0, 0], 'address_type_not_supported', 8],
  'port 0': [[5, 1, 0, 1, 10, 0, 0, 1, 0, 0], 'bad_host', 1],
  'an empty name': [[5, 1, 0, 3, 0, 0, 80], 'bad_host', 1],
  'a name of 255 octets': [[5, 1, 0, 3, 255, ...zeros(255).fill(0x61), 0, 80], 'bad_host', 1],
  'a name with a NUL': [[5, 1, 0, 3, 3, 0x61, 0, 0x62, 0, 80], 'bad_host', 1],
  'a name that inet_aton takes for an address': [
    [5, 1, 0, 3, 10, ...Buffer.from('0x7f000001'), 0, 80],
    'bad_host',
    1,
  ],
  'another version in the request': [[4, 1, 0, 1, 10, 0, 0, 1, 0, 80], 'bad_version', 1],
}
for (const [title, [octets, reason, code]] of Object.entries(refused5)) {
  test(`D1 T121: SOCKS5 refuses ${title}`, (t) => {
    const parsed = socks5.parseRequest(Uint8Array.from(octets))
    if (parsed.ok || parsed.error.reason === 'incomplete') return t.fail()
    t.is(parsed.error.reason as string, reason)
    t.is(socks5.replyCodeForError(parsed.error), code)
  })
}

test('D1 T121: SOCKS5 greeting takes only "no authentication"', (t) => {
  t.true(socks5.parseGreeting(Uint8Array.of(5, 2, 2, 0)).ok)
  t.deepEqual(socks5.parseGreeting(Uint8Array.of(5, 1, 2)), {
    ok: false,
    error: { reason: 'no_acceptable_method' },
  })
  t.deepEqual(socks5.parseGreeting(Uint8Array.of(5, 0)), {
    ok: false,
    error: { reason: 'no_acceptable_method' },
  })
})

const accepted4: Record<string, [number[], string, number]> = {
  'a SOCKS4 address': [[4, 1, 0, 80, 10, 0, 0, 1, 0x6d, 0x65, 0], '10.0.0.1', 80],
  'a SOCKS4a name': [[4, 1, 0, 80, 0, 0, 0, 1, 0, ...Buffer.from('wiki.corp'), 0], 'wiki.corp', 80],
}
for (const [title, [octets, host, port]] of Object.entries(accepted4)) {
  test(`D1 T121: SOCKS4 takes ${title}`, (t) => {
    const parsed = socks4.parseRequest(Uint8Array.of(...octets, 0xaa))
    t.deepEqual(parsed, { ok: true, value: { host, port, size: octets.length } })
  })
}

const refused4: Record<string, [number[], string]> = {
  BIND: [[4, 2, 0, 80, 10, 0, 0, 1, 0], 'command_not_supported'],
  'port 0': [[4, 1, 0, 0, 10, 0, 0, 1, 0], 'bad_host'],
  'a user id without end': [[4, 1, 0, 80, 10, 0, 0, 1, ...zeros(300).fill(0x61)], 'too_long'],
  'a name without end': [[4, 1, 0, 80, 0, 0, 0, 1, 0, ...zeros(300).fill(0x61)], 'too_long'],
  'an empty name': [[4, 1, 0, 80, 0, 0, 0, 1, 0, 0], 'bad_host'],
}
for (const [title, [octets, reason]] of Object.entries(refused4)) {
  test(`D1 T121: SOCKS4 refuses ${title}`, (t) => {
    const parsed = socks4.parseRequest(Uint8Array.from(octets))
    t.false(parsed.ok)
    if (!parsed.ok) t.is(parsed.error.reason as string, reason)
  })
}

const requests: [string, (input: Uint8Array) => ReturnType<typeof socks4.parseRequest>, number][] =
  [
    ['SOCKS4', socks4.parseRequest, 4],
    ['SOCKS5', socks5.parseRequest as typeof socks4.parseRequest, 5],
  ]
for (const [name, parse, version] of requests) {
  test(`T121: ${name} never throws, and any split gives the same result`, (t) => {
    const likely = fc
      .tuple(fc.constantFrom(1, 1, 2), fc.uint8Array({ maxLength: 300 }))
      .map(([command, rest]) => Uint8Array.of(version, command, ...rest))
    const input = fc.oneof(likely, fc.uint8Array({ maxLength: 300 }))
    const stable = fc.property(input, (octets) => {
      const whole = parse(octets)
      for (let have = 0; have < octets.length; have++) {
        const part = parse(octets.subarray(0, have))
        if (!part.ok && part.error.reason === 'incomplete') {
          if (part.error.need <= have) return false
          continue
        }
        t.deepEqual(part, whole)
        return true
      }
      return true
    })
    t.notThrows(() => fc.assert(stable, runs))
  })
}

function zeros(count: number): number[] {
  return new Array<number>(count).fill(0)
}
