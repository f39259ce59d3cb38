/** Zones with resolvers of their own, which are real ones (dnsmasq) on loopback. */
import test from 'ava'
import { createNameServers } from '../../../gateway/dns/name-servers-client.ts'
import { parsePolicy } from '../../../gateway/policy/parse.ts'
import { dnsmasq } from '../../support/dnsmasq.ts'

function zonesOf(written: readonly object[]) {
  const parsed = parsePolicy({ dns: { zones: written } })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
  return () => parsed.value.dns.zones
}

const texts = (found: readonly { readonly address: string }[]) => found.map((one) => one.address)

test('G12: the resolvers of a zone are asked for its names, those of the longest zone first', async (t) => {
  const wide = await dnsmasq(t, '--host-record=w.corp.test,10.0.0.1', '--local=/test/')
  const near = await dnsmasq(t, '--host-record=w.dev.corp.test,10.0.0.2,fd00::2', '--local=/test/')
  const { lookupAll } = createNameServers(
    zonesOf([
      { domain: 'corp.test', resolvers: [wide] },
      { domain: 'dev.corp.test', resolvers: [near] },
    ]),
  )
  t.deepEqual(texts(await lookupAll('w.corp.test')), ['10.0.0.1'])
  t.deepEqual(texts(await lookupAll('w.dev.corp.test')), ['10.0.0.2', 'fd00::2'])
  await t.throwsAsync(() => lookupAll('x.dev.corp.test'))
})

test('G12: aliases of a name are those on the way to its addresses; without an answer nothing is known', async (t) => {
  const near = await dnsmasq(
    t,
    ...['--local=/test/', '--cname=www.corp.test,w.corp.test', '--host-record=w.corp.test,fd00::2'],
  )
  const { aliasesOf } = createNameServers(
    zonesOf([
      { domain: 'corp.test', resolvers: [near] },
      { domain: 'dead.test', resolvers: ['127.0.0.1:9'] },
    ]),
  )
  t.deepEqual(await aliasesOf('www.corp.test'), ['w.corp.test'])
  t.deepEqual(await aliasesOf('w.corp.test'), [])
  t.deepEqual(await aliasesOf('none.corp.test'), [])
  t.is(await aliasesOf('w.dead.test'), undefined)
})

test('G12: what is in no zone is asked of the machine', async (t) => {
  const { lookupAll } = createNameServers(
    zonesOf([{ domain: 'corp.test', resolvers: ['127.0.0.1:9'] }]),
  )
  t.true(texts(await lookupAll('localhost')).includes('127.0.0.1'))
  await t.throwsAsync(() => lookupAll('w.corp.test'))
})

for (const [name, written] of Object.entries({
  'a resolver by name': [{ domain: 'a.test', resolvers: ['ns.a.test'] }],
  'no resolver': [{ domain: 'a.test', resolvers: [] }],
  'a zone twice': [
    { domain: 'a.test', resolvers: ['10.0.0.1'] },
    { domain: 'a.test', resolvers: ['10.0.0.2'] },
  ],
})) {
  test(`G12 T92: a mistake: ${name}`, (t) => {
    t.false(parsePolicy({ dns: { zones: written } }).ok)
  })
}
