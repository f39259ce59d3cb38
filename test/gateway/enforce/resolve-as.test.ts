import test from 'ava'
import { formatAddress } from '#lib/net/address'
import { err, ok } from '#lib/result'
import { resolveAs } from '../../../gateway/enforce/resolve-as.ts'
import type { Resolve } from '../../../gateway/enforce/resolve-client.ts'
import type { NameWays } from '../../../gateway/policy/decision.ts'
import { address } from '../../support/dns.ts'
import { sampleFacts } from '../../support/sample-facts.ts'

const KNOWN: Readonly<Record<string, readonly string[]>> = {
  wiki: ['10.0.0.1', 'fd00::1'],
  other: ['10.0.0.2'],
}
const WIKI = sampleFacts({ destination: { host: 'wiki', port: 443, transport: 'tcp' } })
const resolve: Resolve = async (name) => {
  const [first, ...rest] = (KNOWN[name] ?? []).map(address)
  return first === undefined ? err({ reason: 'name_not_found' }) : ok([first, ...rest])
}

const CASES: readonly (readonly [string, NameWays | undefined, readonly string[]])[] = [
  ['nothing is said', undefined, ['10.0.0.1', 'fd00::1']],
  ['one version is kept back', { v4: 'own', v6: 'none' }, ['10.0.0.1']],
  ['both are kept back', { v4: 'none', v6: 'none' }, []],
  ['addresses are given', { v4: { addresses: ['10.9.9.9'] }, v6: 'own' }, ['10.9.9.9', 'fd00::1']],
  ['another name', { v4: { alias: 'other' }, v6: { alias: 'other' } }, ['10.0.0.2']],
  ['another name that is not there', { v4: { alias: 'x' }, v6: { alias: 'x' } }, []],
]

for (const [title, ways, expected] of CASES) {
  test(`G12: a connection’s addresses: ${title}`, async (t) => {
    const found = await resolveAs(WIKI, ways, resolve)
    t.deepEqual(found.ok ? found.value.map(formatAddress) : [], expected)
  })
}

test('G12: a connection without a place for its lookup says so, unless there is an address', async (t) => {
  const refused: Resolve = async () => err({ reason: 'too_many_lookups' })
  for (const ways of [undefined, { v4: 'own', v6: 'none' }, { v4: 'own', v6: 'own' }] as const) {
    t.deepEqual(await resolveAs(WIKI, ways, refused), {
      ...{ ok: false, error: { reason: 'too_many_lookups' } },
    })
  }
  const given = { v4: { addresses: ['10.9.9.9'] }, v6: 'own' } as const
  t.true((await resolveAs(WIKI, given, refused)).ok)
})

test('G12: names are asked for in the name of the device', async (t) => {
  const askers: string[] = []
  await resolveAs(WIKI, undefined, async (_, asker) => {
    askers.push(asker)
    return err({ reason: 'name_not_found' })
  })
  t.deepEqual(askers, [WIKI.subject.deviceId])
})
