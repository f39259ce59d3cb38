/** Connections by name and DNS questions have their lookups in the same shares: a real gateway, a resolver that is dead, and one that is not. */
import test, { type ExecutionContext } from 'ava'
import { readAnswer } from '#lib/dns/answer'
import { RCODE, TYPE } from '#lib/dns/codes'
import { writeName } from '#lib/dns/name'
import { writeQuery } from '#lib/dns/query'
import { type ConnectedDevice, connected } from '../../support/connected-device.ts'
import { dnsmasq, silentResolver } from '../../support/dnsmasq.ts'
import { openGateway, policySource } from '../../support/opened-gateway.ts'
import { everyone } from '../../support/policy-builder.ts'

/** An eighth of what a zone of a gateway that looks nothing else up could still take: see lookup-shares.test.ts. */
const SHARE = 103
const ASKED = 150

async function rig(t: ExecutionContext) {
  const dead = await silentResolver(t)
  const live = await dnsmasq(t, '--local=/test/', '--host-record=wiki.live.test,127.0.0.1')
  const policy = policySource({
    tunnel: { domains: ['test'] },
    dns: {
      zones: [
        { domain: 'dead.test', resolvers: [dead] },
        { domain: 'live.test', resolvers: [live] },
      ],
    },
    network_rules: [
      {
        name: 'a',
        precedence: 1,
        action: 'allow',
        destinations: ['*.test:443'],
        include: everyone,
      },
    ],
  })
  const opened = await openGateway(t, policy)
  const noisy = await connected(t, opened, 'noisy')
  const other = await connected(t, opened, 'other')
  return { opened, noisy, other }
}

/** How a connection to a name ends. */
async function reach({ client }: ConnectedDevice, host: string): Promise<string> {
  const flow = await client.openFlow({ host, port: 443 }, {})
  return flow.ok ? 'open' : `${flow.error.status} ${flow.error.reason}`
}

async function rcodeOf({ client }: ConnectedDevice, name: string): Promise<number | undefined> {
  const query = writeQuery({ name: writeName(name), type: TYPE.A, dnssecOk: false, flags: 0 })
  const reply = await client.post(
    '/dns',
    JSON.stringify({ query: Buffer.from(query).toString('base64url') }),
  )
  const { answer } = JSON.parse(reply.ok ? reply.value.body : '{}') as { answer?: string }
  return answer === undefined ? undefined : readAnswer(Buffer.from(answer, 'base64url'))?.rcode
}

/** The name was resolved: it leads to where no name may. */
const RESOLVED = '403 address_forbidden'

test('G12: connections of a device to names of a dead resolver leave the others theirs', async (t) => {
  const { opened, noisy, other } = await rig(t)
  let pending = ASKED
  const floods = Array.from({ length: ASKED }, async (_, n) => {
    const how = await reach(noisy, `n${n}.dead.test`)
    pending -= 1
    return how
  })
  const refused = await Promise.any(
    floods.map(async (flood) => {
      if ((await flood) !== '503 too_many_lookups') throw new Error('looked up')
    }),
  ).then(() => pending)
  t.true(refused >= SHARE, 'refused at once, while the others wait for the dead one')
  t.is(await rcodeOf(noisy, 'more.dead.test'), RCODE.SERVFAIL)
  const [line] = opened.data.store.dnsLog.list({ limit: 1 })
  t.like(line, { name: 'more.dead.test', reason: 'too_many_lookups' }, 'one share for both')
  t.is(await reach(noisy, 'wiki.live.test'), RESOLVED, 'the same device, elsewhere')
  t.is(await reach(other, 'wiki.live.test'), RESOLVED)
  t.true(pending >= SHARE, 'answered while the dead one is still waited for')
  t.is(await reach(other, 'n.dead.test'), '502 name_not_found', 'another device, there')
  const ends = await Promise.all(floods)
  const refusals = ends.filter((how) => how === '503 too_many_lookups').length
  t.true(refusals > 0 && refusals <= ASKED - SHARE)
  t.is(ends.filter((how) => how === '502 name_not_found').length, ASKED - refusals)
  t.is(await reach(noisy, 'again.dead.test'), '502 name_not_found', 'places are given back')
  const recorded = opened.data.store.flows.list({ limit: 999 }).map(({ reason }) => reason)
  t.is(recorded.filter((reason) => reason === 'too_many_lookups').length, refusals)
})

test('G12: an explanation tells that there is no place', async (t) => {
  const { noisy } = await rig(t)
  const floods = Array.from({ length: ASKED }, (_, n) => reach(noisy, `n${n}.dead.test`))
  await Promise.any(
    floods.map(async (flood) => {
      if ((await flood) !== '503 too_many_lookups') throw new Error('looked up')
    }),
  )
  const why = await noisy.client.explain({ host: 'more.dead.test', port: 443 })
  t.like(why, { ok: true, value: { reason: 'too_many_lookups' } })
  await Promise.all(floods)
})
