import test from 'ava'
import fc from 'fast-check'
import { protocolOf } from '../../../gateway/enforce/first-octets.ts'
import { createAliases, createResolver } from '../../../gateway/enforce/resolve-client.ts'
import type { ApplicationProtocol } from '../../../gateway/policy/facts.ts'
import { deferred } from '../../support/deferred.ts'

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
  t.deepEqual(texts(await resolve('wiki', 'd')), ['10.0.0.5'])
})

test('G12: a lookup without a place is refused, one that is under way is joined, a fixed name needs none', async (t) => {
  const found = deferred<readonly [{ readonly address: string }]>()
  const resolve = createResolver({
    hosts: new Map([['wiki', '10.0.0.5']]),
    lookupAll: () => found.promise,
    lookUp: async (asker, _, work) => (asker === 'quiet' ? work() : undefined),
  })
  const early = resolve('db', 'noisy')
  const asked = resolve('db', 'quiet')
  t.is(texts(await early), 'too_many_lookups')
  const joined = resolve('db', 'noisy')
  t.is(texts(await resolve('other', 'noisy')), 'too_many_lookups')
  t.deepEqual(texts(await resolve('wiki', 'noisy')), ['10.0.0.5'])
  found.resolve([{ address: '10.0.0.7' }])
  t.deepEqual((await Promise.all([asked, joined])).map(texts), [['10.0.0.7'], ['10.0.0.7']])
})

const ALIASES: Record<string, readonly [readonly string[] | undefined, boolean, unknown]> = {
  'a name that leads to another': [['db1'], true, { ok: true, value: ['db1'] }],
  'nobody answers': [undefined, true, { ok: false, error: { reason: 'name_not_found' } }],
  'no place': [['db1'], false, { ok: false, error: { reason: 'too_many_lookups' } }],
}
for (const [title, [names, hasPlace, expected]] of Object.entries(ALIASES)) {
  test(`G12: aliases: ${title}`, async (t) => {
    const aliasesOf = createAliases({
      hosts: new Map([['wiki', '10.0.0.5']]),
      aliasesOf: async () => names,
      lookUp: async (_asker, _name, work) => (hasPlace ? work() : undefined),
    })
    t.deepEqual(await aliasesOf('db', 'd'), expected as never)
    t.deepEqual(await aliasesOf('wiki', 'd'), { ok: true, value: [] })
  })
}

test('resolver: flows that wait for one name ask once; answers that are none are no addresses', async (t) => {
  let asked = 0
  const lookupAll = async () => {
    asked += 1
    return [{ address: 'fe80::1%eth0' }, { address: '::ffff:10.0.0.7' }]
  }
  const resolve = createResolver({ hosts: new Map(), lookupAll })
  const answers = await Promise.all([resolve('db', 'd'), resolve('db', 'd')])
  t.deepEqual(answers.map(texts), [['10.0.0.7'], ['10.0.0.7']])
  t.is(asked, 1)
  const empty = createResolver({ hosts: new Map(), lookupAll: async () => [] })
  t.is(texts(await empty('db', 'd')), 'name_not_found')
})
