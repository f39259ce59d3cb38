import test from 'ava'
import { EXIT } from '../../cli/cli-io.ts'
import { adminCommands } from '../support/admin-commands.ts'

const line = (id: number, more: object = {}) => ({
  ...{ id, at: '2026-01-01T00:00:00Z', user: 'ann@x', device: 'd1', name: 'wiki.corp', type: 'A' },
  ...{ verdict: 'permit', reason: 'name_within_reach', answer: 'NOERROR', durationMs: 3, ...more },
})

test('G12: admin logs dns goes through pages, and prints oldest first', async (t) => {
  const zt = adminCommands({ lines: [line(3), line(2)], next: '2' }, { lines: [line(1)] })
  const args = ['--user', 'ann@x', '--name', 'corp', '--since', '1h', '--json']
  t.is(await zt.run('admin', 'logs', 'dns', ...args), EXIT.ok)
  t.deepEqual(
    zt.printed.map((text) => JSON.parse(text).id),
    [1, 2, 3],
  )
  const since = encodeURIComponent('2026-11-20T23:00:00.000Z')
  const asked = `/api/v1/logs/dns?user=ann%40x&name=corp&since=${since}`
  t.deepEqual(zt.asked, [
    [`${asked}&limit=100`, undefined],
    [`${asked}&limit=98&cursor=2`, undefined],
  ])
})

test('G12: admin logs dns says who asked for what, and what came of it', async (t) => {
  const blocked = {
    verdict: 'denial',
    reason: 'blocked_by_dns_rule',
    rule: 'ads',
    answer: 'NXDOMAIN',
  }
  const zt = adminCommands({
    lines: [line(2, { resolver: '10.0.0.53:53', name: 'a\u001b[1m' }), line(1, blocked)],
  })
  t.is(await zt.run('admin', 'logs', 'dns'), EXIT.ok)
  const [first = '', second = ''] = zt.printed
  t.regex(first, /ann@x {2}d1 {2}wiki\.corp {2}A {2}denial {2}NXDOMAIN {2}blocked_by_dns_rule ads/)
  t.regex(second, /NOERROR {2}name_within_reach {2}10\.0\.0\.53:53 {2}3 ms/)
  t.false(second.includes('\u001b'))
})

for (const limit of ['0', '-1', 'all', '10000000']) {
  test(`G12: admin logs dns refuses "${limit}" as a limit, and asks nothing`, async (t) => {
    const zt = adminCommands()
    t.is(await zt.run('admin', 'logs', 'dns', `--limit=${limit}`), EXIT.usage)
    t.regex(zt.warned.join(), /bad_limit/)
    t.deepEqual(zt.asked, [])
  })
}
