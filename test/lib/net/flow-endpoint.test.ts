import test from 'ava'
import fc from 'fast-check'
import { parseFlowEndpoint, printFlowEndpoint } from '#lib/net/flow-endpoint'

const RUNS = process.env['ZT_FULL'] ? 20_000 : 200

const good: Readonly<Record<string, readonly [text: string, printed: string]>> = {
  TCP: ['Wiki.corp:443', 'wiki.corp:443'],
  'TCP in words': ['10.0.0.5:22/tcp', '10.0.0.5:22'],
  UDP: ['ns.corp:53/udp', 'ns.corp:53/udp'],
  'UDP over IPv6': ['[fd00::1]:53/udp', '[fd00::1]:53/udp'],
  ping: ['ns.corp/icmp', 'ns.corp/icmp'],
  'ping over IPv6': ['fd00::1/icmp', '[fd00::1]/icmp'],
}

for (const [name, [text, printed]] of Object.entries(good)) {
  test(`G4: an endpoint: ${name}`, (t) => {
    const parsed = parseFlowEndpoint(text)
    t.is(parsed.ok ? printFlowEndpoint(parsed.value) : parsed.error.reason, printed)
    if (parsed.ok) t.is(parsed.value.port === 0, parsed.value.transport === 'icmp')
  })
}

for (const text of ['', 'a', 'a:0', 'a:0/udp', 'a:1/icmp', 'a/udp', '/icmp', 'a:1/sctp', 'a:1/']) {
  test(`G4: no endpoint: ${JSON.stringify(text)}`, (t) => {
    t.false(parseFlowEndpoint(text).ok)
  })
}

test('G4: parsing never throws, and what parses prints to what parses the same', (t) => {
  const odd = fc.oneof(fc.string(), fc.stringMatching(/^[a-z0-9.:[\]/]{0,20}\/(tcp|udp|icmp)$/))
  const same = fc.property(odd, (text) => {
    const parsed = parseFlowEndpoint(text)
    if (parsed.ok) t.deepEqual(parseFlowEndpoint(printFlowEndpoint(parsed.value)), parsed)
  })
  t.notThrows(() => fc.assert(same, { numRuns: RUNS }))
})
