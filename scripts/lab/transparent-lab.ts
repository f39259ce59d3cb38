/**
 * An organisation whose laptop knows nothing of zt: a namespace with one link, a resolv.conf of its own, and a user who
 * is neither the daemon's nor the one who enrolled. Needs root.
 */
import { join } from 'node:path'
import type { DaemonStatus, TransparentStatus } from '#lib/api/control-api'
import { type Finished, must, run, startProcess } from './child-process.ts'
import { enrol } from './log-in.ts'
import { type Organisation, startOrganisation } from './organisation.ts'
import { PORTS, transparentPolicy } from './policy-texts.ts'
import { type Postgres, startPostgres } from './postgres.ts'
import { program } from './programs.ts'

/** Who works on the laptop. */
export const LAPTOP_UID = 65534
const DAEMON_FLAGS = ['--mode', 'transparent', '--dns', 'port53', '--allow-users', '65534']

export type TransparentLab = {
  readonly organisation: Organisation
  /** argv prefix of programs that who works on the laptop runs. */
  readonly asUser: readonly string[]
  /** Runs a program on the laptop as it comes. @param uid default {@link LAPTOP_UID}. */
  onLaptop(argv: readonly string[], uid?: number): Promise<Finished>
  status(): Promise<DaemonStatus>
  /** Waits until traffic is taken. @throws {Error} when it is refused. */
  untilTaken(): Promise<TransparentStatus>
  /** Links, routes and rules of the laptop, as they are now. */
  network(): Promise<string>
  /** The same before anything was taken. */
  readonly untouched: string
  /** Whom PostgreSQL knows. */
  readonly databaseUser: string
  close(): Promise<void>
}

/** Arguments of `ip` that show links, routes and rules. */
export const LOOKS = [
  '-o link',
  '-4 route show table all',
  '-6 route show table all',
  '-4 rule',
  '-6 rule',
]
const PROGRAM_LIMIT_MS = 30_000

/** Starts all of it: enrolled, with a policy in force, and traffic taken. */
export async function startTransparentLab(): Promise<TransparentLab> {
  const organisation = await startOrganisation('namespaces', {
    hasLaptop: true,
    daemonFlags: DAEMON_FLAGS,
  })
  const closers = [() => organisation.close()]
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  try {
    const targets = await startTargets(organisation)
    closers.push(targets.stop)
    const laptop = controls(organisation)
    const untouched = await laptop.network()
    const lab = { ...laptop, untouched, databaseUser: targets.databaseUser, close }
    const [person] = organisation.people
    if (person === undefined) throw new Error('nobody to enrol')
    await enrol(organisation, person)
    await organisation.applyPolicy(transparentPolicy(organisation.policyInput))
    await lab.untilTaken()
    return lab
  } catch (failure) {
    await close()
    throw failure
  }
}

function controls(
  organisation: Organisation,
): Omit<TransparentLab, 'databaseUser' | 'untouched' | 'close'> {
  const as = (uid: number): readonly string[] => [
    ...organisation.lab.inLaptop,
    ...['setpriv', `--reuid=${uid}`, `--regid=${LAPTOP_UID}`, '--clear-groups'],
  ]
  const status = async (): Promise<DaemonStatus> =>
    JSON.parse(await must([...organisation.zt, 'status', '--json'])) as DaemonStatus
  return {
    organisation,
    asUser: as(LAPTOP_UID),
    status,
    onLaptop: (argv, uid = LAPTOP_UID) =>
      run([...as(uid), ...argv], { timeoutMs: PROGRAM_LIMIT_MS }),
    network: async () => {
      const texts = LOOKS.map((look) =>
        must([...organisation.lab.inLaptop, 'ip', ...look.split(' ')]),
      )
      return (await Promise.all(texts)).join('')
    },
    untilTaken: async () => {
      for (;;) {
        const { transparent } = await status()
        if (transparent?.state === 'on') return transparent
        if (transparent?.state === 'refused') throw new Error(JSON.stringify(transparent))
      }
    },
  }
}

async function startTargets({ lab, folder }: Organisation) {
  const echo = await startProcess({
    argv: [
      ...lab.inTargets,
      ...program('scripts/lab/echo-target-process.js'),
      ...[lab.target, String(PORTS.echo)],
    ],
    logFile: join(folder, 'echo.log'),
    readyWhen: /^ready/,
  })
  const postgres: Postgres = await startPostgres({
    ...{ address: lab.target, port: PORTS.postgres, inside: lab.inTargets },
    logFile: join(folder, 'postgres.log'),
  })
  const stop = async (): Promise<void> => {
    await echo.stop()
    await postgres.stop()
  }
  return { databaseUser: postgres.user, stop }
}
