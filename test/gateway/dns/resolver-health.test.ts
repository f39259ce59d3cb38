import test from 'ava'
import { createNameServers } from '../../../gateway/dns/name-servers-client.ts'
import { openResolversHealth } from '../../../gateway/dns/resolver-health.ts'
import { queryFor } from '../../support/dns.ts'
import { dnsmasq } from '../../support/dnsmasq.ts'
import { policyOf } from '../../support/policy-builder.ts'

test('G12: a resolver’s answers and failures are counted, and the median of what it took', (t) => {
  const health = openResolversHealth()
  t.deepEqual(health.of('ns'), { answers: 0, failures: 0, failuresInARow: 0 })
  for (const [n, ms] of [9, 1, 3.4].entries()) health.note('ns', 'answer', { ms, atMs: n })
  t.deepEqual(health.of('ns'), {
    ...{ answers: 3, failures: 0, failuresInARow: 0, lastAnswerAtMs: 2, medianMs: 3 },
  })
  health.note('ns', 'silence', { ms: 1000, atMs: 10 })
  health.note('ns', 'failure', { ms: 1, atMs: 11 })
  t.like(health.of('ns'), { failures: 2, failuresInARow: 2, lastFailureAtMs: 11, medianMs: 3 })
  health.note('ns', 'answer', { ms: 5, atMs: 12 })
  t.like(health.of('ns'), { answers: 4, failures: 2, failuresInARow: 0, lastAnswerAtMs: 12 })
})

test('G12: the median is of late answers, and few resolvers are remembered', (t) => {
  const health = openResolversHealth()
  for (let n = 0; n < 100; n++) health.note('ns', 'answer', { ms: n < 36 ? 900 : 2, atMs: n })
  t.is(health.of('ns').medianMs, 2)
  for (let n = 0; n < 256; n++) health.note(`ns${n}`, 'answer', { ms: 1, atMs: n })
  t.is(health.of('ns').answers, 0)
  t.is(health.of('ns0').answers, 1)
})

test('G12: real resolvers do well or not, by zone', async (t) => {
  const live = await dnsmasq(t, '--local=/live.test/', '--host-record=wiki.live.test,10.0.0.1')
  const { zones } = policyOf({
    dns: {
      zones: [
        { domain: 'live.test', resolvers: ['127.0.0.1:9', live] },
        { domain: 'idle.test', resolvers: ['127.0.0.1:9'] },
      ],
    },
  }).document.dns
  const { ask, status } = createNameServers(() => zones)
  t.truthy(await ask('wiki.live.test', queryFor('wiki.live.test')))
  const [first, second, machine] = status()
  t.is(first?.zone, 'live.test')
  t.deepEqual(
    first?.resolvers.map(({ resolver }) => resolver),
    ['127.0.0.1:9', live],
  )
  t.like(first?.resolvers[0]?.health, { answers: 0, failuresInARow: 1 })
  t.like(first?.resolvers[1]?.health, { answers: 1, failures: 0 })
  t.is(typeof first?.resolvers[1]?.health.medianMs, 'number')
  t.like(second, { zone: 'idle.test', resolvers: [{ health: { failures: 1 } }] })
  t.false(machine !== undefined && 'zone' in machine)
})
