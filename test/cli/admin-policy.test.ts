import { stripVTControlCharacters } from 'node:util'
import test from 'ava'
import { EXIT } from '../../cli/cli-io.ts'
import { parseSince } from '../../cli/since.ts'
import { adminCommands, CLI_NOW_MS } from '../support/admin-commands.ts'

const permit = {
  verdict: 'permit',
  reason: 'allowed_by_policy',
  application: 'wiki',
  policy: 'all',
}
const denial = { verdict: 'denial', reason: 'no_application' }
const trace = [{ phase: 'application', name: 'wiki/all', outcome: 'matched', detail: 'allow' }]

test('A4: admin test shows the decision about one user, with its trace', async (t) => {
  const decision = { user: 'ann@x', device: 'd1', inForce: { ...permit, trace }, facts: {} }
  const zt = adminCommands({ decision })
  t.is(await zt.run('admin', 'test', '--user', 'ann@x', '--to', 'wiki.corp:443'), EXIT.ok)
  t.deepEqual(zt.asked, [['/api/v1/policy/test', { user: 'ann@x', to: 'wiki.corp:443' }]])
  t.deepEqual(zt.printed, [
    'ann@x on d1\nin force: permit allowed_by_policy wiki/all\n  application: wiki/all: matched (allow)',
  ])
})

test('A4: admin test ends with 4 when a proposed policy decides otherwise', async (t) => {
  const decision = { user: 'ann@x', device: 'd1', inForce: { ...denial, trace: [] } }
  const zt = adminCommands({ decision: { ...decision, proposed: { ...permit, trace } } })
  const args = ['--user', 'ann@x', '--to', 'wiki.corp:443', '--config', 'new.yaml', '--json']
  t.is(await zt.run('admin', 'test', ...args), EXIT.denied)
  t.like(zt.asked, [['/api/v1/policy/test', { policy: 'text of new.yaml' }]])
  t.like(JSON.parse(zt.printed[0] ?? ''), { proposed: { verdict: 'permit' } })
})

test('A4: admin test without a user counts everybody', async (t) => {
  const tally = { permitted: 1, denied: 1, permittedPercent: 50, reasons: { no_application: 1 } }
  const population = {
    ...{ total: 2, inForce: tally, proposed: tally, newlyPermitted: 1, newlyDenied: 1 },
    rows: [{ user: 'a\u001b[2J', device: 'd', inForce: denial, proposed: permit }],
    moreRows: 3,
  }
  const zt = adminCommands({ population })
  const args = ['--to', 'wiki.corp:443', '--config', 'n', '--changed']
  t.is(await zt.run('admin', 'test', ...args), EXIT.denied)
  const text = zt.printed.join('\n')
  t.regex(text, /1 permitted \(50 %\), 1 denied: no_application 1/)
  t.regex(text, /newly permitted 1, newly denied 1/)
  t.regex(text, /and 3 more/)
  t.false(text.includes('\u001b[2J'))
})

const report = {
  ...{ type: 'report', flows: 9, unchanged: 7, newlyAllowed: 0, newlyDenied: 2 },
  ...{ notComparable: 0, moreFlows: 0 },
  groups: [
    {
      ...{ change: 'newly_denied', user: 'ann@x', destination: 'wiki.corp:443' },
      ...{
        was: 'allowed_by_policy',
        becomes: 'no_application',
        flows: 2,
        lastAt: '2026-11-20T00:00:00Z',
      },
    },
  ],
}

test('A4: admin replay prints what changes, progress apart, and ends with 4', async (t) => {
  const zt = adminCommands([{ type: 'progress', flows: 5000 }, report])
  t.is(await zt.run('admin', 'replay', '--config', 'new.yaml', '--since', '1d'), EXIT.denied)
  t.deepEqual(zt.asked, [
    ['/api/v1/policy/replay', { policy: 'text of new.yaml', since: '2026-11-20T00:00:00.000Z' }],
  ])
  t.deepEqual(zt.warned, ['5000 flows decided again'])
  t.regex(zt.printed.join('\n'), /9 flows: 7 unchanged.*\n[\s\S]*newly_denied.*ann@x/)
})

test('A4: admin replay ends with 0 when nothing changes, and fails when the answer breaks off', async (t) => {
  const same = { ...report, newlyDenied: 0, unchanged: 9, groups: [] }
  t.is(await adminCommands([same]).run('admin', 'replay', '--config', 'n', '--json'), EXIT.ok)
  const broken = adminCommands([{ type: 'progress', flows: 1 }])
  t.is(await broken.run('admin', 'replay', '--config', 'n'), EXIT.failed)
  t.regex(broken.warned.join('\n'), /broken_off/)
})

test('D12: explain --admin prints steps, trace, facts and revision', async (t) => {
  const explanation = {
    ...{ host: 'wiki.corp', port: 443, verdict: 'denial', reason: 'no_policy_matched' },
    ...{ sentence: 'No.', remedy: 'Ask.', revision: 7, trace, facts: { subject: 1 } },
    steps: [{ step: 'policy', outcome: 'failed', detail: 'all' }],
  }
  const zt = adminCommands({ explanation })
  t.is(await zt.run('explain', '--admin', 'wiki.corp', '443', '--user', 'ann@x'), EXIT.denied)
  t.deepEqual(zt.asked, [['/api/v1/explain', { user: 'ann@x', to: 'wiki.corp:443' }]])
  const text = stripVTControlCharacters(zt.printed.join('\n'))
  t.regex(
    text,
    /FAILED policy +all\n.*remedy: Ask\.\ndecided by revision 7:\n {2}application: wiki\/all/s,
  )
  t.is(await adminCommands().run('explain', '--admin', 'wiki.corp'), EXIT.usage)
})

const times: Record<string, string | undefined> = {
  '1h': '2026-11-20T23:00:00.000Z',
  '2026-01-31T00:00:00Z': '2026-01-31T00:00:00.000Z',
  yesterday: undefined,
  '2026': undefined,
  '-1d': undefined,
}
for (const [text, wanted] of Object.entries(times)) {
  test(`--since ${text}`, (t) => {
    const parsed = parseSince(text, CLI_NOW_MS)
    t.is(parsed.ok ? parsed.value : undefined, wanted)
  })
}
