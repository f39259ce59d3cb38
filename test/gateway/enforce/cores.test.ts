import test from 'ava'
import fc from 'fast-check'
import { protocolOf } from '../../../gateway/enforce/first-octets.ts'
import { createResolver } from '../../../gateway/enforce/resolve-client.ts'
import type { ApplicationProtocol } from '../../../gateway/policy/facts.ts'

const openings: Record<string, readonly [Uint8Array, ApplicationProtocol]> = {
  'SSH by its identification': [Buffer.from('SSH-2.0-OpenSSH'), 'ssh'],
  'TLS by its record': [Uint8Array.of(22, 3, 1, 0, 5), 'tls'],
  'HTTP by its method': [Buffer.from('POST /x HTTP/1.1'), 'http'],
  'HTTP/2 by its preface': [Buffer.from('PRI * HTTP/2.0'), 'http'],
  'nothing from too few octets': [Buffer.from('SSH'), 'unknown'],
  'nothing from a word that is no method': [Buffer.from('GETTING x'), 'unknown'],
  'nothing from silence': [Buffer.alloc(0), 'unknown'],
}
for (const [title, [octets, wanted]] of Object.entries(openings)) {
  test(`first octets: knows ${title}`, (t) => t.is(protocolOf(octets), wanted))
}

test('first octets: never throws', (t) => {
  const known = fc.property(fc.uint8Array({ maxLength: 32 }), (octets) =>
    ['ssh', 'tls', 'http', 'unknown'].includes(protocolOf(octets)),
  )
  t.notThrows(() => fc.assert(known))
})

const texts = (result: Awaited<ReturnType<ReturnType<typeof createResolver>>>) =>
  result.ok ? result.value.map(({ bytes }) => bytes.join('.')) : result.error.reason

test('resolver: a fixed address wins, and nobody is asked', async (t) => {
  const lookupAll = () => Promise.reject(new Error('asked'))
  const resolve = createResolver({ hosts: new Map([['wiki', '10.0.0.5']]), lookupAll })
  t.deepEqual(texts(await resolve('wiki')), ['10.0.0.5'])
})

test('resolver: flows that wait for one name ask once; answers that are none are no addresses', async (t) => {
  let asked = 0
  const lookupAll = async () => {
    asked += 1
    return [{ address: 'fe80::1%eth0' }, { address: '::ffff:10.0.0.7' }]
  }
  const resolve = createResolver({ hosts: new Map(), lookupAll })
  const answers = await Promise.all([resolve('db'), resolve('db')])
  t.deepEqual(answers.map(texts), [['10.0.0.7'], ['10.0.0.7']])
  t.is(asked, 1)
  const empty = createResolver({ hosts: new Map(), lookupAll: async () => [] })
  t.is(texts(await empty('db')), 'name_not_found')
})
