/**
 * `zt explain` on real parts, with the gateway's packets watched.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { run, startProcess } from '../../scripts/lab/child-process.ts'
import { enrol } from '../../scripts/lab/demo-steps.ts'
import { startOrganisation } from '../../scripts/lab/organisation.ts'
import { demoPolicy, NAMES, PORTS } from '../../scripts/lab/policy-texts.ts'

const CLOSED_PORT = 9999
const FORBIDDEN = `secret.${NAMES.zone}`
const UNKNOWN = `nothing.${NAMES.zone}`

const extraApplications = `    - name: forbidden
      destinations: ["${FORBIDDEN}:443"]
      policies: [{ name: few, decision: allow, include: [{ email: somebody@else.example }] }]
    - name: gone
      destinations: ["${NAMES.wiki}:${CLOSED_PORT}"]
      policies: [{ name: all, decision: allow, include: [{ everyone: true }] }]
`

test('D12: no DNS query and no SYN for a denial; a permit is followed to the target', async (t) => {
  t.timeout(120_000)
  const folder = mkdtempSync(join(tmpdir(), 'zt-rig-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const organisation = await startOrganisation('namespaces')
  t.teardown(() => organisation.close())
  const [alice] = organisation.people
  if (alice === undefined) return t.fail('nobody to enrol')
  await enrol(organisation, alice)
  await organisation.applyPolicy(demoPolicy({ ...organisation.policyInput, extraApplications }))
  const { lab, zt } = organisation
  const logFile = join(folder, 'tcpdump.log')
  const filter = `port 53 or (tcp[tcpflags] == tcp-syn and dst host ${lab.target})`
  const capture = await startProcess({
    argv: [...lab.inGateway, 'tcpdump', '-i', 'any', '-n', '-l', filter],
    logFile,
    readyWhen: /listening on/,
  })
  const explain = async (host: string, port: number) => {
    const done = await run([...zt, 'explain', host, String(port), '--json'])
    return { code: done.code, text: done.stdout, told: JSON.parse(done.stdout) }
  }

  const forbidden = await explain(FORBIDDEN, 443)
  const unknown = await explain(UNKNOWN, 443)
  t.deepEqual([forbidden.code, unknown.code], [4, 4])
  t.is(forbidden.text.replaceAll(FORBIDDEN, UNKNOWN), unknown.text)
  t.is(unknown.told.reason, 'no_application')

  const firstSyn = capture.nextLine(/Flags \[S\]/)
  const allowed = await explain(NAMES.wiki, PORTS.web)
  await firstSyn
  t.is(allowed.code, 0, allowed.text)
  t.deepEqual(
    allowed.told.steps.map(({ step, outcome }: Record<string, string>) => `${step} ${outcome}`),
    [
      'destination passed',
      'route passed',
      'tunnel passed',
      'application passed',
      'policy passed',
      'session passed',
      'posture passed',
      'name passed',
      'address passed',
      'reach passed',
    ],
  )
  const secondSyn = capture.nextLine(new RegExp(`\\.${CLOSED_PORT}: Flags \\[S\\]`))
  const unreachable = await explain(NAMES.wiki, CLOSED_PORT)
  await secondSyn
  t.is(unreachable.code, 4)
  t.like(unreachable.told, { reason: 'target_unreachable', application: 'gone' })
  t.like(unreachable.told.steps.at(-1), { step: 'reach', outcome: 'failed' })
  await capture.stop()

  const packets = readFileSync(logFile, 'utf8')
    .split('\n')
    .filter((line) => / IP6? /.test(line))
  // The denials came first, and the first packet of all belongs to the permit after them.
  t.regex(packets[0] ?? '', new RegExp(`\\.${PORTS.web}: Flags \\[S\\]`))
  t.is(packets.length, 2, packets.join('\n'))
})
