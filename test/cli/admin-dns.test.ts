import test from 'ava'
import { EXIT } from '../../cli/cli-io.ts'
import { adminCommands } from '../support/admin-commands.ts'

const counts = { answers: 2, failures: 0, failuresInARow: 0 }
const well = { resolver: '10.0.0.1:53', state: 'answering', ...counts, medianMs: 4 }
const idle = { resolver: '127.0.0.1:53', state: 'unasked', ...counts, answers: 0 }
const ill = {
  ...{ ...well, resolver: '10.0.0.2:53', state: 'failing', failures: 1, failuresInARow: 1 },
  lastFailureAt: '2026-01-01T00:00:00Z',
}

test('G12: admin dns resolvers says how each does, and fails where one does', async (t) => {
  const zones = [{ zone: 'corp.test', resolvers: [well, ill] }, { resolvers: [idle] }]
  const zt = adminCommands({ zones })
  t.is(await zt.run('admin', 'dns', 'resolvers'), EXIT.denied)
  t.deepEqual(zt.asked, [['/api/v1/dns/resolvers', undefined]])
  t.deepEqual(zt.printed, [
    'corp.test  10.0.0.1:53  answering  2 answers  0 failures  median 4 ms',
    'corp.test  10.0.0.2:53  failing  2 answers  1 failures  median 4 ms  last failure 2026-01-01T00:00:00Z',
    '(the machine)  127.0.0.1:53  unasked  0 answers  0 failures',
  ])
})

test('G12: admin dns resolvers prints JSON, and ends with 0 where none fails', async (t) => {
  const zones = [{ zone: 'corp.test', resolvers: [well] }]
  const zt = adminCommands({ zones })
  t.is(await zt.run('admin', 'dns', 'resolvers', '--json'), EXIT.ok)
  t.deepEqual(JSON.parse(zt.printed.join('')), { zones })
})
