/**
 * What the daemon does to the laptop's own network, seen from inside: the laptop is a namespace with one link.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import anyTest, { type ExecutionContext, type TestFn } from 'ava'
import { type Finished, must, run, startProcess } from '../../scripts/lab/child-process.ts'
import { enrol } from '../../scripts/lab/log-in.ts'
import { UPLINK } from '../../scripts/lab/namespace-lab.ts'
import { type Organisation, startOrganisation } from '../../scripts/lab/organisation.ts'
import { demoPolicy, NAMES, PORTS } from '../../scripts/lab/policy-texts.ts'

type Context = { organisation: Organisation; folder: string }
const test = anyTest as TestFn<Context>

test.before(async (t) => {
  t.timeout(120_000)
  const organisation = await startOrganisation('namespaces', { hasLaptop: true })
  t.context = { organisation, folder: mkdtempSync(join(tmpdir(), 'zt-rig-')) }
  const [alice] = organisation.people
  if (alice === undefined) throw new Error('nobody to enrol')
  await enrol(organisation, alice)
  await organisation.applyPolicy(demoPolicy(organisation.policyInput))
})

test.after.always(async (t) => {
  await t.context.organisation?.close()
  if (t.context.folder) rmSync(t.context.folder, { recursive: true, force: true })
})

const onLaptop = ({ organisation }: Context, ...argv: string[]): Promise<Finished> =>
  run([...organisation.lab.inLaptop, ...argv])
const curl = (context: Context, ...args: string[]): Promise<Finished> =>
  onLaptop(context, 'curl', '-sS', '-k', '--max-time', '10', ...args)
const throughUs = ({ organisation: { proxy } }: Context): string[] => [
  ...['--proxy', `socks5h://${proxy.host}:${proxy.port}`],
]
const wiki = `http://${NAMES.wiki}:${PORTS.web}/`

/** Where the laptop sends packets while `act` goes on: ADDRESS.PORT, each once. Neighbours of IPv6 are left out. */
async function sentTo(
  t: ExecutionContext<Context>,
  act: () => Promise<unknown>,
): Promise<string[]> {
  const { organisation, folder } = t.context
  const { lab } = organisation
  const logFile = join(folder, 'tcpdump.log')
  rmSync(logFile, { force: true })
  const dump = ['tcpdump', '-i', UPLINK, '-Q', 'out', '-n', '-l', '--immediate-mode']
  const capture = await startProcess({
    argv: [...lab.inLaptop, ...dump, 'ip or (ip6 and not icmp6)'],
    logFile,
    readyWhen: /listening on/,
  })
  await act()
  // The capture has seen all once it sees this.
  const last = `${lab.gateway}.9`
  const seen = capture.nextLine(new RegExp(`> ${last}: `))
  await onLaptop(t.context, 'nc', '-z', '-w', '1', lab.gateway, '9')
  await seen
  await capture.stop()
  const found = readFileSync(logFile, 'utf8').matchAll(/ IP6? \S+ > (\S+): /g)
  const all = new Set([...found].map(([, destination = '']) => destination))
  return [...all].filter((one) => one !== last).sort()
}

test.serial('D1 the laptop has no way to a private target but the daemon', async (t) => {
  const { lab } = t.context.organisation
  t.not((await curl(t.context, '--max-time', '2', `http://${lab.target}:${PORTS.web}/`)).code, 0)
  const page = await curl(t.context, ...throughUs(t.context), wiki)
  t.regex(page.stdout, /Private wiki/, page.stderr)
})

test.serial('D4 what is ours leaves in the tunnel only: no name, no address', async (t) => {
  const { lab } = t.context.organisation
  const sent = await sentTo(t, async () => {
    t.is((await curl(t.context, ...throughUs(t.context), wiki)).code, 0)
    t.is(
      (await curl(t.context, ...throughUs(t.context), `http://${lab.target}:${PORTS.web}/`)).code,
      0,
    )
  })
  t.deepEqual(sent, [`${lab.gateway}.8443`])
})

test.serial('D4 what is not ours leaves directly, as the laptop sends it', async (t) => {
  const { lab, urls } = t.context.organisation
  const sent = await sentTo(t, async () => {
    t.is((await curl(t.context, ...throughUs(t.context), urls.admin)).code, 0)
  })
  t.true(sent.includes(`${lab.admin}.${new URL(urls.admin).port}`))
})

test.serial('D1 the daemon killed in proxy mode: the laptop is as it was before it', async (t) => {
  const { organisation } = t.context
  const { lab, daemon, urls } = organisation
  const looks = ['link', '-4 addr', '-6 addr', '-4 route', '-6 route', '-4 rule', '-6 rule']
  const state = async (): Promise<string> => {
    const texts = looks.map((look) => must([...lab.inLaptop, 'ip', ...look.split(' '), 'show']))
    return (await Promise.all(texts)).join('')
  }
  const before = await state()
  daemon.signal('SIGKILL')
  await daemon.exited
  t.is(await state(), before)
  t.is((await curl(t.context, urls.admin)).code, 0)
})
