/** What `packaging/zt.service` does under a systemd that runs: started, used, killed, stopped, with what it leaves. */
import { enrol } from './log-in.ts'
import type { Organisation } from './organisation.ts'
import { NAMES, PORTS, transparentPolicy } from './policy-texts.ts'
import { expect, type Step } from './steps.ts'
import type { SystemdMachine } from './systemd-machine.ts'
import { LAPTOP_UID, LOOKS } from './transparent-lab.ts'

/** CAP_CHOWN and CAP_NET_ADMIN: linux/capability.h. */
const RIGHTS = ((1n << 0n) | (1n << 12n)).toString(16).padStart(16, '0')
const AS_USER = ['setpriv', `--reuid=${LAPTOP_UID}`, `--regid=${LAPTOP_UID}`, '--clear-groups']
const WITHIN_MS = 30_000
const DROP_IN = '/run/systemd/system/zt.service.d'

/** Where it is shown. */
export type Scene = {
  readonly machine: SystemdMachine
  readonly organisation: Organisation
  /** As `networkOf` before the first start. */
  readonly untouched: string
}

/** Links, routes, rules and nft tables, as they are now. */
export async function networkOf(machine: SystemdMachine): Promise<string> {
  const looks = LOOKS.map((look) => machine.must('ip', ...look.split(' ')))
  return (await Promise.all([...looks, machine.must('nft', 'list', 'ruleset')])).join('')
}

function controls({ machine, organisation, untouched }: Scene) {
  const zt = [
    ...AS_USER,
    'node',
    '/usr/lib/zt/dist/cli/main.js',
    '--control',
    '/run/zt/control.sock',
  ]
  const property = async (name: string) =>
    (await machine.must('systemctl', 'show', '--value', '-p', name, 'zt')).trim()
  const until = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
    const endsAtMs = Date.now() + WITHIN_MS
    while (!(await holds())) {
      if (Date.now() > endsAtMs) throw new Error(`${what}: not in time\n${await said()}`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
  const network = () => networkOf(machine)
  const said = async () => (await machine.run('tail', '-n', '5', '/var/log/zt.log')).stdout
  const isTaken = async () => {
    const status = await machine.run(...zt, 'status', '--json')
    return status.code === 0 && JSON.parse(status.stdout).transparent?.state === 'on'
  }
  return {
    property,
    until,
    enrol: (by: Organisation['people'][number]) =>
      enrol({ ...organisation, zt: [...machine.inside, ...zt] }, by),
    kill: () => machine.must('systemctl', 'kill', '--signal=KILL', '--kill-whom=main', 'zt'),
    network,
    /** @throws {Error} when something is left. */
    async bare(): Promise<string> {
      const now = await network()
      expect(now === untouched, `left:\n${now}`)
      return `result ${await property('Result')}; links, routes, rules and tables as before`
    },
    /** A program comes through. @returns the tables that are there then. */
    async use(): Promise<string> {
      await until('traffic is taken', isTaken)
      const url = `http://${NAMES.wiki}:${PORTS.web}/`
      const page = await machine.run(...AS_USER, 'curl', '-sS', '--max-time', '10', url)
      expect(page.code === 0, page.stderr)
      return (await machine.must('nft', 'list', 'tables')).trim()
    },
  }
}

type Controls = Scene & ReturnType<typeof controls>

/** Each builds on those before. */
export function serviceSteps(scene: Scene): readonly Step[] {
  const all = { ...scene, ...controls(scene) }
  return [
    { title: 'systemd starts the unit, as its user and with two rights', show: () => start(all) },
    {
      title: 'a person enrols, and programs that know nothing of zt reach a private name',
      show: () => enrolAndUse(all),
    },
    {
      title: 'killed: systemd undoes what it left, starts it again, and traffic is taken',
      show: () => killAndWait(all),
    },
    {
      title: 'killed, and not to be started again: nothing is left',
      show: () => killForGood(all),
    },
    { title: 'started and stopped: nothing is left', show: () => stop(all) },
  ]
}

async function start({ machine, property, until }: Controls): Promise<string> {
  await machine.must('systemctl', 'start', 'zt')
  await until('the control socket', async () => {
    return (await machine.run('test', '-S', '/run/zt/control.sock')).code === 0
  })
  const pid = await property('MainPID')
  const status = await machine.must('cat', `/proc/${pid}/status`)
  const rights = ['CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map((set) => `${set}:\t${RIGHTS}`)
  for (const line of [...rights, 'NoNewPrivs:\t1'])
    expect(status.includes(line), `${line} is not in\n${status}`)
  const user = (await machine.must('ps', '-o', 'user=', '-p', pid)).trim()
  expect(user === 'zt', `runs as ${user}`)
  return `${user}, ${rights[1]}`
}

async function enrolAndUse({ organisation, enrol, use }: Controls): Promise<string> {
  const [person] = organisation.people
  expect(person !== undefined, 'nobody to enrol')
  await enrol(person)
  await organisation.applyPolicy(transparentPolicy(organisation.policyInput))
  return use()
}

async function killAndWait({ property, until, kill, use }: Controls): Promise<string> {
  const before = await property('MainPID')
  await kill()
  await until('the restart', async () => {
    const now = await property('MainPID')
    return now !== '0' && now !== before
  })
  expect((await property('NRestarts')) === '1', 'it was not started once')
  return use()
}

async function killForGood({ machine, network, untouched, ...all }: Controls): Promise<string> {
  await machine.must('mkdir', '-p', DROP_IN)
  const drop = `printf '[Service]\\nRestart=no\\n' >${DROP_IN}/restart.conf`
  await machine.must('sh', '-c', drop)
  await machine.must('systemctl', 'daemon-reload')
  expect((await network()) !== untouched, 'nothing was there to be undone')
  await all.kill()
  await all.until('the end', async () => (await all.property('ActiveState')) === 'failed')
  return all.bare()
}

async function stop({ machine, use, bare }: Controls): Promise<string> {
  await machine.must('systemctl', 'start', 'zt')
  await use()
  await machine.must('systemctl', 'stop', 'zt')
  const said = await bare()
  expect(said.startsWith('result success'), said)
  return said
}
