/** Programs without proxy settings, on a laptop that is a namespace with one link: TCP to plain private addresses. */
import anyTest, { type TestFn } from 'ava'
import type { DaemonStatus } from '../../lib/api/control-api.ts'
import { type Finished, must, run } from '../../scripts/lab/child-process.ts'
import { enrol } from '../../scripts/lab/demo-steps.ts'
import { type Organisation, startOrganisation } from '../../scripts/lab/organisation.ts'
import { demoPolicy, PORTS } from '../../scripts/lab/policy-texts.ts'

const test = anyTest as TestFn<{ organisation: Organisation; untouched: string }>

test.before(async (t) => {
  t.timeout(120_000)
  const organisation = await startOrganisation('namespaces', {
    hasLaptop: true,
    daemonFlags: ['--mode', 'transparent'],
  })
  t.context = { organisation, untouched: await network(organisation) }
  const [alice] = organisation.people
  if (alice === undefined) throw new Error('nobody to enrol')
  await enrol(organisation, alice)
  await organisation.applyPolicy(demoPolicy(organisation.policyInput))
  for (let state = ''; state !== 'on'; ) {
    const { transparent } = await status(organisation)
    state = transparent?.state ?? ''
    if (state === 'refused') throw new Error(JSON.stringify(transparent))
  }
})

test.after.always((t) => t.context.organisation?.close())

async function status({ zt }: Organisation): Promise<DaemonStatus> {
  return JSON.parse((await run([...zt, 'status', '--json'])).stdout) as DaemonStatus
}

async function network({ lab }: Organisation): Promise<string> {
  const looks = [
    '-o link',
    '-4 route show table all',
    '-6 route show table all',
    '-4 rule',
    '-6 rule',
  ]
  const texts = looks.map((look) => must([...lab.inLaptop, 'ip', ...look.split(' ')]))
  return (await Promise.all(texts)).join('')
}

/** Packets that came out of the TUN, but for what the kernel says to its neighbours on every link. */
async function taken(organisation: Organisation): Promise<number> {
  const { packets = 0, dropped = {} } = (await status(organisation)).transparent?.counters ?? {}
  return packets - (dropped['multicast'] ?? 0)
}

const onLaptop = ({ lab }: Organisation, ...argv: string[]): Promise<Finished> =>
  run([...lab.inLaptop, ...argv], { timeoutMs: 20_000 })

test.serial('D2 curl as it comes reaches a private address', async (t) => {
  const { organisation } = t.context
  const url = `http://${organisation.lab.target}:${PORTS.web}/`
  const page = await onLaptop(organisation, 'curl', '-sS', '--max-time', '10', url)
  t.regex(page.stdout, /Private wiki/, page.stderr)
})

test.serial('D2 ssh as it comes reaches a private address', async (t) => {
  const { organisation } = t.context
  const { lab, policyInput } = organisation
  const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'BatchMode=yes']
  const done = await onLaptop(
    organisation,
    ...['ssh', ...options.flatMap((one) => ['-o', one]), '-p', String(policyInput.sshPort)],
    ...[`${policyInput.unixUser}@${lab.target}`, 'echo reached'],
  )
  t.is(done.stdout, 'reached\n', done.stderr)
})

test.serial('D2 G2 what policy denies is reset at once', async (t) => {
  const { organisation } = t.context
  const startedAtMs = performance.now()
  const url = `http://${organisation.lab.target}:${PORTS.denied}/`
  const done = await onLaptop(organisation, 'curl', '-sS', '--max-time', '10', url)
  t.true([7, 52, 56].includes(done.code), `${done.code} ${done.stderr}`)
  t.true(performance.now() - startedAtMs < 5000)
})

test.serial('D2 D15 the traffic of another user is not taken', async (t) => {
  const { organisation } = t.context
  const { target } = organisation.lab
  const asNobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
  const before = await taken(organisation)
  for (const command of [
    `curl -sS --max-time 1 http://${target}:${PORTS.web}/`,
    `curl -sS --max-time 1 --interface if!zt0 http://${target}:${PORTS.web}/`,
    `curl -sS --max-time 1 --interface if!zt0 tftp://${target}/file`,
    `ping -n -c 1 -W 1 -I zt0 ${target}`,
  ]) {
    const done = await onLaptop(organisation, ...asNobody, ...command.split(' '))
    t.not(done.code, 0, command)
  }
  t.is(await taken(organisation), before)
})

test.serial('D2 D4 what is not ours goes as ever', async (t) => {
  const { organisation } = t.context
  const done = await onLaptop(
    organisation,
    'curl',
    '-sSk',
    '--max-time',
    '5',
    organisation.urls.admin,
  )
  t.is(done.code, 0, done.stderr)
})

test.serial('D2 T102 stopped, the laptop is as it was before', async (t) => {
  const { organisation, untouched } = t.context
  await organisation.daemon.stop(10_000)
  t.is(await network(organisation), untouched)
})
