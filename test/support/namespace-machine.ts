/** A machine to change: a network namespace with links, routes and rules of others. */
import type { ExecutionContext } from 'ava'
import { type ProgramResult, runProgram } from './run-program.ts'

/** A network namespace. */
export type Inside = {
  readonly namespace: string
  readonly run: (...argv: string[]) => Promise<ProgramResult>
}

let made = 0

/** A machine with a LAN, and another program's table and rules beside ours. */
export async function freshMachine(t: ExecutionContext): Promise<Inside> {
  const namespace = `zt${process.pid}-${made++}`
  const added = await runProgram(['ip', 'netns', 'add', namespace])
  if (added.code !== 0) throw new Error(added.stderr)
  t.teardown(() => runProgram(['ip', 'netns', 'del', namespace]))
  const inside: Inside = {
    namespace,
    run: (...argv) => runProgram(['ip', 'netns', 'exec', namespace, ...argv]),
  }
  await batch(inside, '-4', [
    ...['link set lo up', 'link add lan0 type veth peer name lan1', 'link set lan0 up'],
    ...['address add 192.0.2.2/24 dev lan0', 'route add 198.51.100.0/24 dev lan0'],
    ...['route add unreachable 203.0.113.0/24 table 52', 'rule add pref 5270 lookup 52'],
    ...['rule add pref 5250 to 203.0.113.1 lookup 52', 'rule add pref 5251 lookup 52'],
  ])
  return inside
}

/** Lines of `ip -batch`. @throws {Error} at the first that fails. */
export async function batch(
  { namespace }: Inside,
  family: '-4' | '-6',
  lines: readonly string[],
): Promise<void> {
  const argv = ['ip', '-n', namespace, family, '-batch', '-']
  const { code, stderr } = await runProgram(argv, `${lines.join('\n')}\n`)
  if (code !== 0) throw new Error(stderr)
}

/** All rules and routes, as `ip` prints them. */
export async function routing({ namespace }: Inside): Promise<readonly string[]> {
  const looks = ['-4 rule', '-6 rule', '-4 route show table all', '-6 route show table all']
  const said = await Promise.all(
    looks.map((look) => runProgram(['ip', '-n', namespace, ...look.split(' ')])),
  )
  return said.map(({ stdout }) => stdout)
}

/** Where a user's packet goes: the device, or the complaint. @param to an address, or `ADDRESS from ADDRESS`. */
export async function wayTo({ namespace }: Inside, to: string, uid = 1000): Promise<string> {
  const argv = ['ip', '-n', namespace, 'route', 'get', ...to.split(' '), 'uid', String(uid)]
  const { code, stdout, stderr } = await runProgram(argv)
  return code === 0 ? (/ dev (\S+)/.exec(stdout)?.[1] ?? stdout) : stderr.trim()
}
