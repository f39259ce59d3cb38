/**
 * Asking the policy, on real parts: `zt explain` with the gateway's packets watched; test, replay and access log.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import anyTest, { type TestFn } from 'ava'
import { run, startProcess } from '../../scripts/lab/child-process.ts'
import { enrol } from '../../scripts/lab/log-in.ts'
import { type Organisation, startOrganisation } from '../../scripts/lab/organisation.ts'
import { demoPolicy, emptyPolicy, NAMES, PORTS } from '../../scripts/lab/policy-texts.ts'

const test = anyTest as TestFn<{ organisation: Organisation; folder: string; policy: string }>

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

test.before(async (t) => {
  t.timeout(120_000)
  const folder = mkdtempSync(join(tmpdir(), 'zt-rig-'))
  const organisation = await startOrganisation('namespaces')
  const policy = demoPolicy({ ...organisation.policyInput, extraApplications })
  t.context = { organisation, folder, policy }
  const [alice] = organisation.people
  if (alice === undefined) throw new Error('nobody to enrol')
  await enrol(organisation, alice)
  await organisation.applyPolicy(policy)
})

test.after.always(async (t) => {
  await t.context.organisation?.close()
  if (t.context.folder) rmSync(t.context.folder, { recursive: true, force: true })
})

test.serial(
  'D12: no DNS query and no SYN for a denial; a permit is followed to the target',
  async (t) => {
    const { organisation, folder } = t.context
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
  },
)

test.serial('A4 G11: test, replay and access log tell of real flows', async (t) => {
  const { organisation, folder, policy } = t.context
  const { zt, proxy, policyInput } = organisation
  const admin = async (...args: string[]) => {
    const done = await run([...zt, 'admin', ...args, '--json'])
    return {
      code: done.code,
      told: done.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    }
  }
  const curl = (url: string) =>
    run([
      'curl',
      '-sS',
      '--max-time',
      '15',
      '--socks5-hostname',
      `${proxy.host}:${proxy.port}`,
      url,
    ])
  const user = organisation.people[0]?.email ?? ''
  const selector = `email_domain: ${policyInput.emailDomain}`

  const following = await startProcess({
    argv: [
      ...zt,
      'admin',
      'logs',
      'access',
      '--follow',
      '--limit',
      '1',
      '--decision',
      'denial',
      '--json',
    ],
    logFile: join(folder, 'follow.log'),
    readyWhen: /"following"/,
  })
  const wiki = `${NAMES.wiki}:${PORTS.web}`
  t.is((await curl(`http://${wiki}/`)).code, 0)
  const followed = following.nextLine(/"reason":"no_policy_matched"/)
  t.not((await curl(`http://${FORBIDDEN}:443/`)).code, 0)
  await followed
  await following.stop()

  const one = await admin('test', '--user', user, '--to', wiki)
  t.is(one.code, 0)
  t.is(one.told[0].inForce.trace.at(-1).selector, selector)
  const everybody = await admin('test', '--to', `${FORBIDDEN}:443`)
  t.like(everybody.told[0], { total: 1, inForce: { denied: 1, reasons: { no_policy_matched: 1 } } })

  const same = join(folder, 'same.yaml')
  writeFileSync(same, policy)
  t.is((await admin('replay', '--since', '1d', '--config', same)).code, 0)
  const empty = join(folder, 'empty.yaml')
  writeFileSync(empty, emptyPolicy(policyInput))
  const replayed = await admin('replay', '--since', '1d', '--config', empty)
  t.is(replayed.code, 4)
  t.like(replayed.told[0], {
    newlyAllowed: 0,
    newlyDenied: 1,
    groups: [{ change: 'newly_denied', user, application: 'wiki', destination: wiki }],
  })

  const { told } = await admin('logs', 'access', '--user', user, '--application', 'wiki')
  t.like(told[0], {
    decision: 'permit',
    by: 'policy',
    policy: 'staff',
    selector,
    closeReason: 'done',
  })
  t.true(told[0].receivedBytes > 0)
})
