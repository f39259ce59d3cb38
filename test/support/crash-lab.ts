/** Kills the machine part of the daemon after any step of what it does, and tells what is left. */
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { ExecutionContext } from 'ava'
import { machineWithDns, routingOf, startResolved } from './machine-lab.ts'
import { batch } from './namespace-machine.ts'
import type { WholeMachine } from './whole-machine.ts'

const PROCESS = join(import.meta.dirname, 'crash-process.js')

/**
 * In place of a program: a step is a line of its batch, a line that a table is made from, or the whole. It dies with the
 * daemon, as all do that systemd kills.
 */
const STAND_IN = `#!/bin/sh
name=$(basename "$0") real=/run/real/$(basename "$0") n=0
step() {
  echo "$1" >>/run/steps
  if [ "$(wc -l </run/steps)" = "$(cat /run/kill-at)" ]; then kill -9 $PPID; exit; fi
}
case "$*" in
*-batch*) while read -r line; do
    n=$((n + 1))
    echo "$line" | $real "$@" 2>/run/complaint
    sed "s/-:1$/-:$n/" /run/complaint >&2
    step "$name $1 $line"
  done ;;
-i) mkfifo /run/pipe.$$
  $real -i </run/pipe.$$ &
  exec 3>/run/pipe.$$
  while read -r line; do echo "$line" >&3; step "$name $line"; done
  exec 3>&-
  wait
  step "$name ended" ;;
-j*) exec $real "$@" ;;
domain\\ zt0) exec $real "$@" ;;
*) $real "$@"; code=$?; step "$name $*"; exit $code ;;
esac
`

/** A machine whose programs count. @param kind of its resolv.conf. */
export async function crashMachine(
  t: ExecutionContext,
  kind: 'plain' | 'resolved' | 'mounted',
): Promise<WholeMachine> {
  const machine = await machineWithDns(t)
  await batch(machine, '-6', ['route add default dev lan0'])
  if (kind === 'resolved') await startResolved(machine)
  if (kind === 'mounted') {
    await machine.sh('cp /etc/resolv.conf /run && mount --bind /run/resolv.conf /etc/resolv.conf')
  }
  const standIn = STAND_IN.replaceAll("'", "'\\''")
  await machine.sh(`mkdir -p /run/real /run/over/sbin /run/over/bin
    echo 0 >/run/kill-at
    for one in ip nft resolvectl; do
      if command -v $one >/dev/null; then
        cp "$(readlink -f "$(command -v $one)")" /run/real/$one
        at=/run/over/sbin/$one
        if [ $one = resolvectl ]; then at=/run/over/bin/$one; fi
        printf '%s' '${standIn}' >$at
        chmod +x $at
      fi
    done
    mount -t overlay -o lowerdir=/run/over:/usr overlay /usr`)
  return machine
}

export type Phase = 'start' | 'change' | 'stop'
export type Step = { readonly phase: Phase; readonly what: string }

/**
 * Starts, changes and stops it; it is killed after a step.
 * @param setting arguments of ./machine-process.ts.
 * @param killAt counted from 1; 0: it lives to its end.
 * @returns the steps that were made.
 */
export async function liveUntil(
  machine: WholeMachine,
  setting: string,
  killAt: number,
): Promise<readonly Step[]> {
  await machine.sh(`: >/run/steps; echo ${killAt} >/run/kill-at`)
  const child = machine.start(process.execPath, PROCESS, ...setting.split(' '))
  const ended = once(child, 'exit')
  if (child.stdout === null || child.stdin === null) throw new Error('no pipes')
  child.stdin.on('error', () => {})
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ends = [0]
  for (const line of ['other.internal', 'undo']) {
    await lines.next()
    ends.push((await stepsOf(machine)).length)
    child.stdin.write(`${line}\n`)
  }
  await ended
  const [, changeFrom = 0, stopFrom = 0] = ends
  return (await stepsOf(machine)).map((what, index) => {
    const phase = index < changeFrom ? 'start' : index < stopFrom ? 'change' : 'stop'
    return { phase, what }
  })
}

async function stepsOf(machine: WholeMachine): Promise<readonly string[]> {
  const text = (await machine.sh('cat /run/steps')).replaceAll(
    /redirect to :\d+/g,
    'redirect to :PORT',
  )
  return text.split('\n').filter((line) => line !== '')
}

/** All that we change of a machine. */
export type State = {
  readonly routing: readonly string[]
  readonly files: readonly string[]
  readonly resolvConf: string
  readonly tables: string
}

/** What the kernel takes away with a process is gone once this settles. */
export async function stateOf(machine: WholeMachine): Promise<State> {
  const [resolvConf, files] = [
    await machine.sh('cat /etc/resolv.conf'),
    await machine.sh('ls /etc'),
  ]
  await machine.sh('until [ -z "$(/run/real/nft list tables)" ]; do :; done')
  const lines = await routingOf(machine)
  return { routing: lines, files: files.split('\n'), resolvConf, tables: '' }
}

/** What is there and was not before, in the words of the table. */
export function leftOf(before: State, after: State): readonly string[] {
  const lines = after.routing.filter((line) => !before.routing.includes(line))
  const isRule = (line: string) => /^\d+:/.test(line)
  return [
    ...(lines.some((line) => !isRule(line)) ? ['routes'] : []),
    ...(lines.some(isRule) ? ['rules'] : []),
    ...after.files.filter((name) => !before.files.includes(name)),
    ...(after.resolvConf === before.resolvConf ? [] : ['resolv.conf']),
  ]
}
