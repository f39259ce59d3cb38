import test from 'ava'
import { EXIT } from '../../cli/cli-io.ts'
import { adminCommands } from '../support/admin-commands.ts'

const line = (id: string, more: object = {}) => ({
  ...{ type: 'flow', id, state: 'closed', openedAt: '2026-01-01T00:00:00Z', user: 'ann@x' },
  ...{ device: 'd1', destination: { host: 'wiki.corp', port: 443 }, decision: 'denial' },
  ...{ by: 'none', reason: 'no_application', ...more },
})

test('G11: admin logs access goes through pages, and prints oldest first', async (t) => {
  const zt = adminCommands({ lines: [line('c'), line('b')], next: 'n' }, { lines: [line('a')] })
  const args = ['--user', 'ann@x', '--since', '1h', '--json']
  t.is(await zt.run('admin', 'logs', 'access', ...args), EXIT.ok)
  t.deepEqual(
    zt.printed.map((text) => JSON.parse(text).id),
    ['a', 'b', 'c'],
  )
  const since = encodeURIComponent('2026-11-20T23:00:00.000Z')
  t.deepEqual(zt.asked, [
    [`/api/v1/logs/access?user=ann%40x&since=${since}&limit=100`, undefined],
    [`/api/v1/logs/access?user=ann%40x&since=${since}&limit=98&cursor=n`, undefined],
  ])
})

for (const limit of ['0', '-1', '1.5', '1e3', 'all', '', '10000000']) {
  test(`G11: admin logs access refuses "${limit}" as a limit, and asks nothing`, async (t) => {
    const zt = adminCommands()
    t.is(await zt.run('admin', 'logs', 'access', `--limit=${limit}`), EXIT.usage)
    t.regex(zt.warned.join(), /bad_limit/)
    t.deepEqual(zt.asked, [])
  })
}

test('G11: admin logs access follows, marks gaps, and says that it ended', async (t) => {
  const live = [
    { type: 'following' },
    line('b', { selector: 'group: \u001b[1m' }),
    { type: 'idle' },
  ]
  const zt = adminCommands([...live, { type: 'gap', lost: 3 }], { lines: [line('a')] })
  t.is(await zt.run('admin', 'logs', 'access', '--follow'), EXIT.failed)
  t.is(zt.printed.length, 3)
  t.regex(zt.printed[1] ?? '', /ann@x {2}d1 {2}wiki\.corp:443 {2}denial {2}no_application {2}none/)
  t.false(zt.printed.join('').includes('\u001b'))
  t.regex(zt.printed[2] ?? '', /3 lines are missing/)
  t.regex(zt.warned.join(), /broken_off/)
})
