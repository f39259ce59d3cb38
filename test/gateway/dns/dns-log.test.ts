import test from 'ava'
import fc from 'fast-check'
import type { DnsLogLine } from '../../../gateway/dns/dns-log-line.ts'
import { parseDnsLogQuery } from '../../../gateway/dns/dns-log-query.ts'
import { NOW_MS, startAdminRig } from '../../support/admin-rig.ts'

const line: DnsLogLine = {
  ...{ atMs: NOW_MS, userId: 'u1', email: 'ann@example.com', deviceId: 'd1' },
  ...{ name: 'wiki.corp.internal', type: 1, verdict: 'permit', reason: 'name_within_reach' },
  ...{ revision: 3, rcode: 0, resolver: '10.0.0.53:53', durationMs: 4 },
}
const blocked: DnsLogLine = {
  ...line,
  ...{ atMs: NOW_MS + 1, name: 'ads.corp.internal', type: 65_280, verdict: 'denial' },
  ...{ reason: 'blocked_by_dns_rule', rule: 'no-ads', rcode: 3, deviceId: 'd2' },
}

type Page = { readonly lines: readonly Record<string, unknown>[]; readonly next?: string }

async function rig(t: Parameters<typeof startAdminRig>[0], ...lines: readonly DnsLogLine[]) {
  const { store, get } = await startAdminRig(t)
  for (const one of lines) store.dnsLog.add(one)
  return async (query: string) => {
    const answer = await get(`/api/v1/logs/dns${query}`)
    return { status: answer.status, ...(answer.json as Page) }
  }
}

test('G12: the DNS log says who asked for what, what was decided, and what was answered', async (t) => {
  const ask = await rig(t, line, blocked)
  const { lines } = await ask('')
  t.deepEqual(lines[1], {
    ...{ id: 1, at: new Date(NOW_MS).toISOString(), user: 'ann@example.com', userId: 'u1' },
    ...{ device: 'd1', name: 'wiki.corp.internal', type: 'A', verdict: 'permit' },
    ...{ reason: 'name_within_reach', revision: 3, answer: 'NOERROR' },
    ...{ resolver: '10.0.0.53:53', durationMs: 4 },
  })
  t.like(lines[0], { type: 'TYPE65280', answer: 'NXDOMAIN', rule: 'no-ads' })
})

const FILTERS: Readonly<Record<string, readonly number[]>> = {
  '?user=Ann@example.com': [2, 1],
  '?user=bob@example.com': [],
  '?device=d2': [2],
  '?name=corp.internal': [2, 1],
  '?name=WIKI.corp.internal': [1],
  '?name=orp.internal': [],
  '?verdict=denial': [2],
  '?rule=no-ads': [2],
  '?limit=1': [2],
  '?cursor=2': [1],
}
for (const [query, ids] of Object.entries(FILTERS)) {
  test(`G12: the DNS log filters by ${query}`, async (t) => {
    const { lines } = await (await rig(t, line, blocked))(query)
    t.deepEqual(
      lines.map(({ id }) => id),
      ids,
    )
  })
}

test('G12: the DNS log is read in parts', async (t) => {
  const ask = await rig(t, line, blocked, line)
  const first = await ask('?limit=2')
  t.is(first.next, '2')
  const second = await ask(`?limit=2&cursor=${first.next}`)
  t.deepEqual([second.lines.length, second.next], [1, undefined])
  const since = await ask(`?since=${new Date(NOW_MS + 1).toISOString()}`)
  t.is(since.lines.length, 0, 'a newer line that is older in time ends it')
})

for (const query of [
  'limit=0',
  'limit=9999999',
  'cursor=x',
  'verdict=x',
  'since=today',
  'colour=1',
]) {
  test(`G12 T92: the DNS log refuses ?${query}`, async (t) => {
    const { status } = await (await rig(t))(`?${query}`)
    t.is(status, 400)
  })
}

test('G12: any query is understood or refused', (t) => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.string()), (query) => {
      const parsed = parseDnsLogQuery(query)
      return parsed.ok || typeof parsed.error.key === 'string'
    }),
    { numRuns: 200 },
  )
  t.true(parseDnsLogQuery({}).ok)
})
