/**
 * `packaging/zt.service` under a systemd that runs: started, enrolled, used, killed and stopped, with what it leaves.
 *
 *   service   the steps as a table, exit 0 or 1
 */
import { enrol } from './log-in.ts'
import { type Organisation, startOrganisation } from './organisation.ts'
import { NAMES, PORTS, transparentPolicy } from './policy-texts.ts'
import { expect, runSteps, type Step, stepLine } from './steps.ts'
import { type SystemdMachine, startSystemdMachine } from './systemd-machine.ts'
import { LAPTOP_UID, LOOKS } from './transparent-lab.ts'

/** CAP_CHOWN and CAP_NET_ADMIN: linux/capability.h. */
const RIGHTS = ((1n << 0n) | (1n << 12n)).toString(16).padStart(16, '0')
const AS_USER = ['setpriv', `--reuid=${LAPTOP_UID}`, `--regid=${LAPTOP_UID}`, '--clear-groups']
const WITHIN_MS = 30_000
const DROP_IN = '/run/systemd/system/zt.service.d'

type Scene = { readonly machine: SystemdMachine; readonly organisation: Organisation }

function controls({ machine, organisation }: Scene) {
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
  const said = async () => (await machine.run('tail', '-n', '5', '/var/log/zt.log')).stdout
  const isTaken = async () => {
    const status = await machine.run(...zt, 'status', '--json')
    return status.code === 0 && JSON.parse(status.stdout).transparent?.state === 'on'
  }
  return {
    property,
    until,
    untilTaken: () => until('traffic is taken', isTaken),
    enrol: (by: Organisation['people'][number]) =>
      enrol({ ...organisation, zt: [...machine.inside, ...zt] }, by),
    kill: () => machine.must('systemctl', 'kill', '--signal=KILL', '--kill-whom=main', 'zt'),
    async network(): Promise<string> {
      const looks = LOOKS.map((look) => machine.must('ip', ...look.split(' ')))
      return (await Promise.all([...looks, machine.must('nft', 'list', 'ruleset')])).join('')
    },
    visit: () => {
      const url = `http://${NAMES.wiki}:${PORTS.web}/`
      return machine.run(...AS_USER, 'curl', '-sS', '--max-time', '10', url)
    },
  }
}

function steps(scene: Scene): readonly Step[] {
  const { machine, organisation } = scene
  const { property, until, untilTaken, enrol, kill, network, visit } = controls(scene)
  let untouched = ''
  const isBare = async () => (await network()) === untouched
  const use = async () => {
    await untilTaken()
    const page = await visit()
    expect(page.code === 0, page.stderr)
    return (await machine.must('nft', 'list', 'tables')).trim()
  }
  return [
    {
      title: 'systemd starts the unit, as its user and with two rights',
      async show() {
        untouched = await network()
        await machine.must('systemctl', 'start', 'zt')
        await until(
          'the control socket',
          async () => (await machine.run('test', '-S', '/run/zt/control.sock')).code === 0,
        )
        const pid = await property('MainPID')
        const status = await machine.must('cat', `/proc/${pid}/status`)
        const rights = ['CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map((set) => `${set}:\t${RIGHTS}`)
        for (const line of [...rights, 'NoNewPrivs:\t1'])
          expect(status.includes(line), `${line} is not in\n${status}`)
        const user = (await machine.must('ps', '-o', 'user=', '-p', pid)).trim()
        expect(user === 'zt', `runs as ${user}`)
        return `${user}, ${rights[1]}`
      },
    },
    {
      title: 'a person enrols, and programs that know nothing of zt reach a private name',
      async show() {
        const [person] = organisation.people
        expect(person !== undefined, 'nobody to enrol')
        await enrol(person)
        await organisation.applyPolicy(transparentPolicy(organisation.policyInput))
        return use()
      },
    },
    {
      title: 'killed: systemd undoes what it left, starts it again, and traffic is taken',
      async show() {
        const before = await property('MainPID')
        await kill()
        await until('the restart', async () => {
          const now = await property('MainPID')
          return now !== '0' && now !== before
        })
        expect((await property('NRestarts')) === '1', 'it was not started once')
        return use()
      },
    },
    {
      title: 'killed, and not to be started again: nothing is left',
      async show() {
        await machine.must('mkdir', '-p', DROP_IN)
        expect(!(await isBare()), 'nothing was there to be undone')
        const drop = `printf '[Service]\\nRestart=no\\n' >${DROP_IN}/restart.conf`
        await machine.must('sh', '-c', drop)
        await machine.must('systemctl', 'daemon-reload')
        await kill()
        await until('the end', async () => (await property('ActiveState')) === 'failed')
        expect(await isBare(), `left:\n${await network()}`)
        return `result ${await property('Result')}; links, routes, rules and tables as before`
      },
    },
    {
      title: 'started and stopped: nothing is left',
      async show() {
        await machine.must('systemctl', 'start', 'zt')
        await use()
        await machine.must('systemctl', 'stop', 'zt')
        expect(await isBare(), `left:\n${await network()}`)
        const result = await property('Result')
        expect(result === 'success', result)
        return `result ${result}; links, routes, rules and tables as before`
      },
    },
  ]
}

async function main(): Promise<number> {
  const organisation = await startOrganisation('namespaces', { hasLaptop: true })
  try {
    await organisation.daemon.stop()
    const machine = await startSystemdMachine(organisation.lab)
    try {
      const all = steps({ machine, organisation })
      const results = await runSteps(all, (one) => process.stdout.write(`${stepLine(one)}\n`))
      if (results.some(({ passed }) => !passed)) {
        process.stdout.write((await machine.run('tail', '-n', '30', '/var/log/zt.log')).stdout)
        process.stdout.write((await machine.run('tail', '-n', '30', '/dev/console')).stdout)
      }
      return results.length === all.length && results.every(({ passed }) => passed) ? 0 : 1
    } finally {
      await machine.close()
    }
  } finally {
    await organisation.close()
  }
}

process.exitCode = await main()
