import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import ava, { type ExecutionContext } from 'ava'
import type { MachineChange } from '../../../daemon/machine/journal.ts'
import {
  batch,
  freshMachine,
  type Inside,
  routing,
  wayTo,
} from '../../support/namespace-machine.ts'
import { asNobody } from '../../support/run-program.ts'

/** One after the other: each starts several programs, and all at once would take longer than one may. */
const test = ava.serial

const PROCESS = join(import.meta.dirname, '../../support/take-over-process.js')
const MAIN = join(import.meta.dirname, '../../../daemon/main.js')
const OWNER = 1000
/** curl's exit codes for a refusal that comes at once: no route or a reset, then a reset after the handshake. */
const REFUSED: ReadonlySet<number | null> = new Set([7, 56])

type How = { readonly as?: readonly string[]; readonly lockdown?: boolean }

async function take(t: ExecutionContext, { namespace }: Inside, { as = [], lockdown }: How = {}) {
  const args = [PROCESS, String(OWNER), ...(lockdown ? ['lockdown'] : [])]
  const argv = ['netns', 'exec', namespace, ...as, process.execPath, ...args]
  const child = spawn('ip', argv, { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => JSON.parse(String((await lines.next()).value))
  const end = async () => {
    child.stdin.end()
    await once(child, 'exit')
  }
  const ask = async () => {
    child.stdin.write('\n')
    return next()
  }
  const packets = async () => (await ask()).packets
  return { child, said: await next(), next, ask, packets, end }
}

async function laptop(t: ExecutionContext): Promise<Inside> {
  const inside = await freshMachine(t)
  await batch(inside, '-4', ['route add default via 192.0.2.1'])
  return inside
}

function curlAs({ run }: Inside, uid: number, ...args: string[]) {
  const user = ['setpriv', `--reuid=${uid}`, '--regid=65534', '--clear-groups']
  return run(...user, 'curl', '-sS', '--max-time', '5', ...args)
}

for (const mode of ['redirect', 'tun-nat'] as const) {
  test(`D2 D15: ${mode}: the owner's connections are taken, nobody else's, bound to the TUN or not`, async (t) => {
    const inside = await laptop(t)
    // Where the name of the table is taken nft refuses, as where it is missing.
    if (mode === 'tun-nat') await inside.run('nft', 'add table inet zt')
    const untouched = await routing(inside)
    const { said, packets, end } = await take(t, inside)
    t.deepEqual(said, { mode })
    const before = await packets()
    const targets = ['http://10.1.2.3/', 'http://[fd00:1::7]/', 'tftp://10.1.2.3/file']
    for (const target of targets) {
      for (const bound of [[], ['--interface', 'if!zt0']]) {
        t.not((await curlAs(inside, OWNER + 1, ...bound, target)).code, 0)
      }
    }
    t.is(await packets(), before)
    for (const target of targets.slice(0, 2)) {
      const taken = await curlAs(inside, OWNER, target)
      t.true(REFUSED.has(taken.code), taken.stderr)
    }
    await end()
    t.deepEqual(await routing(inside), untouched)
  })
}

test('D2 D5: what is missing is told, and nothing is left', async (t) => {
  const inside = await laptop(t)
  const before = await routing(inside)
  const unprivileged = await take(t, inside, { as: asNobody([]) })
  t.is(unprivileged.said.reason, 'not_permitted')
  t.deepEqual(await routing(inside), before)
  await batch(inside, '-4', ['link add zt0 type veth peer name zt1'])
  t.is((await take(t, inside)).said.reason, 'no_tun_device')
  t.deepEqual(await routing(inside), before)
})

test('D5: an `ip` that hangs half way ends the take-over, and nothing is left', async (t) => {
  const inside = await laptop(t)
  const before = await routing(inside)
  const folder = mkdtempSync(join(tmpdir(), 'zt-ip-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  // It does what it is told, and hangs once when that were rules.
  const ip = `#!/bin/sh
    input=$(cat)
    printf '%s\n' "$input" | ${folder}/real "$@" || exit
    case "$input" in *'rule add'*) [ -e ${folder}/hung ] || { >${folder}/hung; exec sleep 1000; } ;; esac`
  writeFileSync(join(folder, 'ip'), ip, { mode: 0o755 })
  const mounted = `cp /bin/ip "$0/real" && mount --bind "$0/ip" /bin/ip && exec "$@"`
  const { said } = await take(t, inside, { as: ['sh', '-c', mounted, folder] })
  t.regex(said.thrown, /^Error: Command failed: .*ip -4 -force -batch/)
  t.deepEqual(await routing(inside), before)
})

for (const mode of ['redirect', 'tun-nat'] as const) {
  test(`D2: ${mode}: a machine without IPv6 is taken without it`, async (t) => {
    const inside = await laptop(t)
    await inside.run('sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1')
    if (mode === 'tun-nat') await inside.run('nft', 'add table inet zt')
    const { said, end } = await take(t, inside)
    t.deepEqual(said, { mode })
    const taken = await curlAs(inside, OWNER, 'http://10.1.2.3/')
    t.true(REFUSED.has(taken.code), taken.stderr)
    await end()
  })
}

test('D5 D11: what is done and undone is kept, and what is there now can be listed', async (t) => {
  const inside = await laptop(t)
  await inside.run('ip', ...'route add unreachable 203.0.113.9 table 5254'.split(' '))
  const { ask, next, end } = await take(t, inside)
  const { ours } = await ask()
  const route = 'route replace 10.0.0.0/8 dev zt0 table 5254'
  t.true(ours.includes(`-4 ${route}`), ours.join('\n'))
  t.true(ours.includes('table inet zt'))
  t.false(
    ours.some((line: string) => /table 52$|pref 5270/.test(line)),
    'nothing of others',
  )
  await end()
  const changes: MachineChange[] = (await next()).changes
  t.deepEqual(
    changes.map(({ part }) => part),
    ['leftovers', 'redirect', 'routing', 'names', 'names', 'routing', 'redirect'],
  )
  const done = changes.map((change) => change.done)
  t.deepEqual(done[0], ['route del unreachable 203.0.113.9/32 table 5254'])
  t.true(done[2]?.includes(route))
  t.true(done[5]?.includes(route.replace('replace', 'del')))
  t.deepEqual(await lookFor(inside), [])
})

/** What `undo` still finds. */
async function lookFor({ run }: Inside): Promise<readonly string[]> {
  const { stdout } = await run(process.execPath, MAIN, 'undo')
  return stdout.split('\n').filter((line) => line !== '')
}

test('D5: a second daemon does not take what a first one has', async (t) => {
  const inside = await laptop(t)
  const first = await take(t, inside)
  t.is((await take(t, inside)).said.reason, 'in_use')
  t.true(REFUSED.has((await curlAs(inside, OWNER, 'http://10.1.2.3/')).code))
  await first.end()
})

test('D13 T109: lockdown outlives a stop and a crash, the next start takes it over, and undo lifts it', async (t) => {
  const inside = await laptop(t)
  const untouched = await routing(inside)
  const isLocked = async () =>
    /No route to host|unreachable/.test(await wayTo(inside, '10.1.2.3', OWNER))
  const stopped = await take(t, inside, { lockdown: true })
  t.is(await wayTo(inside, '10.1.2.3', OWNER), 'zt0')
  await stopped.end()
  t.true(await isLocked())
  t.is((await curlAs(inside, OWNER, 'http://10.1.2.3/')).code, 7)
  t.is(await wayTo(inside, '10.1.2.3', OWNER + 1), 'lan0', 'other users are not locked')
  const killed = await take(t, inside, { lockdown: true })
  t.is(await wayTo(inside, '10.1.2.3', OWNER), 'zt0')
  killed.child.kill('SIGKILL')
  await once(killed.child, 'exit')
  t.true(await isLocked())
  t.is((await inside.run(process.execPath, MAIN, 'undo', '--keep-lockdown')).stdout, '')
  t.true(await isLocked(), 'as when the service ends')
  const undone = await inside.run(process.execPath, MAIN, 'undo')
  t.is(undone.code, 0, undone.stderr)
  t.deepEqual(await routing(inside), untouched)
})

test('D13: a daemon that starts without lockdown lifts the one that is left', async (t) => {
  const inside = await laptop(t)
  const untouched = await routing(inside)
  await (await take(t, inside, { lockdown: true })).end()
  await (await take(t, inside)).end()
  t.deepEqual(await routing(inside), untouched)
})

test('D5: it is told when nft dies, since connections are not redirected any more', async (t) => {
  const inside = await laptop(t)
  const { child, next } = await take(t, inside)
  const nft = await inside.run('pgrep', '-P', String(child.pid), 'nft')
  process.kill(Number(nft.stdout))
  t.deepEqual(await next(), { lost: 'nft_table' })
})
