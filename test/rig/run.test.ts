/** `zt run` of a user without rights, on a laptop that is a namespace with one link, through a gateway with policy. */
import { chmodSync } from 'node:fs'
import { dirname } from 'node:path'
import anyTest, { type TestFn } from 'ava'
import { type Finished, run } from '../../scripts/lab/child-process.ts'
import { enrol } from '../../scripts/lab/log-in.ts'
import { type Organisation, startOrganisation } from '../../scripts/lab/organisation.ts'
import { demoPolicy, NAMES, PORTS } from '../../scripts/lab/policy-texts.ts'
import { asUser, NOBODY, withTun } from '../support/run-lab.ts'

const test = anyTest as TestFn<{ organisation: Organisation; folder: string }>

test.before(async (t) => {
  t.timeout(120_000)
  const daemonFlags = ['--owner-uid', String(NOBODY)]
  const organisation = await startOrganisation('namespaces', { hasLaptop: true, daemonFlags })
  const control = organisation.zt[organisation.zt.indexOf('--control') + 1] ?? ''
  t.context = { organisation, folder: dirname(control) }
  chmodSync(dirname(control), 0o711)
  const [alice] = organisation.people
  if (alice === undefined) throw new Error('nobody to enrol')
  await enrol({ ...organisation, zt: asUser(':', organisation.zt) }, alice)
  await organisation.applyPolicy(demoPolicy(organisation.policyInput))
})

test.after.always((t) => t.context.organisation?.close())

/** Runs a program by `zt run`, on the laptop. */
function inside(
  { organisation: { lab, zt }, folder }: { organisation: Organisation; folder: string },
  ...argv: string[]
): Promise<Finished> {
  const words = asUser(withTun(folder), [...zt, 'run', '--', ...argv])
  return run([...lab.inLaptop, ...words], { timeoutMs: 60_000 })
}
const curl = (url: string): string[] => ['curl', '-sS', '-k', '--max-time', '10', url]

test.serial('D6 curl as it comes reaches a private name and a private address', async (t) => {
  const { lab } = t.context.organisation
  for (const host of [NAMES.wiki, lab.target]) {
    const page = await inside(t.context, ...curl(`http://${host}:${PORTS.web}/`))
    t.regex(page.stdout, /Private wiki/, page.stderr)
  }
})

test.serial('D6 S1 ssh as it comes reaches a private name', async (t) => {
  const { sshPort, unixUser } = t.context.organisation.policyInput
  const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'BatchMode=yes']
  const ssh = ['ssh', '-F', 'none', ...options.flatMap((one) => ['-o', one])]
  const to = `${unixUser}@${NAMES.database}`
  const done = await inside(t.context, ...ssh, '-p', String(sshPort), to, 'echo reached')
  t.is(done.stdout, 'reached\n', done.stderr)
})

test.serial('D6 G2 what policy denies is reset', async (t) => {
  const url = `http://${t.context.organisation.lab.target}:${PORTS.denied}/`
  const done = await inside(t.context, ...curl(url))
  t.true([7, 52, 56].includes(done.code), `${done.code} ${done.stderr}`)
})

test.serial('D6 D12 names of the private zones are answered', async (t) => {
  const done = await inside(t.context, 'dig', '+short', NAMES.wiki)
  t.regex(done.stdout, /^100\.80\./)
})

test.serial('D4 D6 what is not private goes directly', async (t) => {
  const done = await inside(t.context, ...curl(t.context.organisation.urls.admin))
  t.is(done.code, 0, done.stderr)
})
