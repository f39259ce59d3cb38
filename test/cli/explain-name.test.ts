import test from 'ava'
import type { ControlRequest } from '#lib/api/control-api'
import { ok } from '#lib/result'
import { type CliIo, EXIT } from '../../cli/cli-io.ts'
import { explainName } from '../../cli/commands/explain-name.ts'
import { adminCommands } from '../support/admin-commands.ts'
import { resolverRig } from '../support/dns.ts'

/** `zt explain --dns …` on a machine whose daemon answers with a real resolver. */
async function here(name: string, type?: string, json = false) {
  const { answer } = resolverRig()
  const printed: string[] = []
  const askDaemon = async (request: ControlRequest) => {
    if (request.method !== 'resolve') throw new Error('another request')
    const message = await answer(Buffer.from(request.query, 'base64url'), request.via)
    return ok({ method: 'resolve', answer: Buffer.from(message ?? []).toString('base64url') })
  }
  const print = (line: string) => printed.push(line)
  const io = { askDaemon, print, warn: print } as unknown as CliIo
  const code = await explainName(io, name, type, { json })
  return [code, printed.join('\n')] as const
}

test('D12 G12: explain says what a program here would be answered', async (t) => {
  const [code, said] = await here('Wiki.corp.internal')
  t.is(code, EXIT.ok)
  t.regex(said, /^wiki\.corp\.internal A NOERROR\n {2}A {8}100\.80\.\d+\.\d+$/)
  const [, json] = await here('wiki.corp.internal', 'aaaa', true)
  t.like(JSON.parse(json), { name: 'wiki.corp.internal', type: 'AAAA', answer: 'NOERROR' })
  t.regex(JSON.parse(json).records[0].value, /^fd5e::/)
})

test('D12 G12: explain says what is not there, and what is kept back and why', async (t) => {
  t.deepEqual(await here('none.corp.internal'), [EXIT.denied, 'none.corp.internal A NXDOMAIN'])
  const emptied = await here('evil.example')
  t.deepEqual(emptied, [
    EXIT.ok,
    'evil.example A NOERROR\n  error    15 private address for a public name',
  ])
})

for (const [name, type] of [
  ['10.0.0.1', 'A'],
  ['wiki.corp', '443'],
  ['', 'A'],
] as const) {
  test(`D12 G12: explain refuses the question "${name} ${type}"`, async (t) => {
    const [code, said] = await here(name, type)
    t.is(code, EXIT.usage)
    t.regex(said, /bad_question/)
  })
}

const EXPLANATION = {
  ...{ name: 'www.corp', type: 'A', verdict: 'denial', reason: 'blocked_by_dns_rule' },
  ...{ sentence: 'No.', rule: 'no-ads', alias: 'ads\u001b.test', zone: 'corp' },
  ...{ resolver: '10.0.0.53:53', answer: 'NXDOMAIN', records: [], revision: 7 },
  error: { code: 15, text: 'Ask IT' },
  trace: [{ phase: 'dns', name: 'no-ads', outcome: 'matched', detail: 'block' }],
  facts: {},
}

test('D12 G12: administrators read what decides on a question of anybody', async (t) => {
  const zt = adminCommands({ explanation: EXPLANATION })
  const args = ['--dns', 'www.corp', 'mx', '--admin', '--user', 'ann@x', '--device', 'd1']
  t.is(await zt.run('explain', ...args), EXIT.denied)
  const question = { user: 'ann@x', name: 'www.corp', type: 'MX', device: 'd1' }
  t.deepEqual(zt.asked, [['/api/v1/explain/dns', question]])
  const [said = ''] = zt.printed
  t.regex(said, /^www\.corp A denial blocked_by_dns_rule\nNo\.\n {2}rule {5}no-ads\n/)
  t.regex(said, /answer: NXDOMAIN\n {2}error {4}15 Ask IT\ndecided by revision 7:\n {2}dns: no-ads/)
  t.false(said.includes('\u001b'))
})

test('D12 G12: administrators say whom it is about', async (t) => {
  const zt = adminCommands()
  t.is(await zt.run('explain', '--dns', 'www.corp', '--admin'), EXIT.usage)
  t.regex(zt.warned.join(), /which_user/)
})
