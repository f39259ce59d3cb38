import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import ava, { type ExecutionContext } from 'ava'
import {
  batch,
  freshMachine,
  type Inside,
  routing,
  wayTo,
} from '../../support/namespace-machine.ts'

/** One after the other: each starts several programs, and all at once would take longer than one may. */
const test = ava.serial

const PROCESS = join(import.meta.dirname, '../../support/routing-process.js')
const MAIN = join(import.meta.dirname, '../../../daemon/main.js')

type Served = {
  readonly child: ChildProcess
  /** Says a line and takes the answer. */
  readonly ask: (line: string) => Promise<string>
}

/** A process that serves zt0 inside the namespace, once it does. */
async function serve(t: ExecutionContext, inside: Inside, ...owner: string[]): Promise<Served> {
  const argv = ['netns', 'exec', inside.namespace, process.execPath, PROCESS, ...owner]
  const child = spawn('ip', argv, { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const answer = async () => String((await answers.next()).value)
  t.is(await answer(), 'ok')
  return {
    child,
    ask: (line) => {
      child.stdin.write(`${line}\n`)
      return answer()
    },
  }
}

async function machineOnline(t: ExecutionContext): Promise<Inside> {
  const inside = await freshMachine(t)
  await batch(inside, '-4', ['route add default via 192.0.2.1'])
  return inside
}

test('D2 D4: private prefixes lead into the TUN for the users named, for nobody else, and change with the settings', async (t) => {
  const inside = await machineOnline(t)
  const before = await routing(inside)
  const { child, ask } = await serve(t, inside)
  t.is(await wayTo(inside, '10.1.1.1'), 'zt0')
  t.is(await wayTo(inside, '10.1.1.1', 999), 'lan0')
  t.is(await wayTo(inside, '10.1.2.3'), 'lan0')
  t.is(await wayTo(inside, 'fd00:1::7'), 'zt0')
  t.is(await wayTo(inside, '100.80.3.4'), 'zt0')
  t.is(await wayTo(inside, '100.80.0.53', 999), 'zt0')
  t.regex(await wayTo(inside, '100.80.3.4', 999), /No route to host|unreachable/)
  t.is(await wayTo(inside, '198.18.0.1'), 'lan0')
  t.is(await wayTo(inside, '10.1.1.1 from 100.80.0.1', 0), 'zt0')
  t.is(await wayTo(inside, 'fd00:1::7 from fd5a::1', 0), 'zt0')
  t.not(await wayTo(inside, 'fd00:1::7 from fd5a::1', 999), 'zt0')

  t.regex((await inside.run('ip', 'link', 'show', 'zt0')).stdout, / mtu 65535 /)

  t.is(await ask('172.16.0.0/12 10.9.0.0/16'), 'ok')
  t.is(await wayTo(inside, '10.1.1.1'), 'lan0')
  t.is(await wayTo(inside, '10.9.1.1'), 'zt0')
  t.is(await wayTo(inside, '172.16.1.1'), 'zt0')

  const ended = once(child, 'exit')
  t.is(await ask('undo'), 'ok')
  await ended
  t.deepEqual(await routing(inside), before)
})

test('D2: root as the owner is led into the TUN as well', async (t) => {
  const inside = await machineOnline(t)
  await serve(t, inside, '0')
  t.is(await wayTo(inside, '10.1.1.1', 0), 'zt0')
  t.is(await wayTo(inside, 'fd00:1::7', 0), 'zt0')
  t.is(await wayTo(inside, '10.1.1.1', 1000), 'lan0')
})

test('D5 T102: killed, it leaves working routes at once, and undo takes away the rest', async (t) => {
  const inside = await machineOnline(t)
  const before = await routing(inside)
  const { child } = await serve(t, inside)
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
  t.is(await wayTo(inside, '10.1.1.1'), 'lan0')
  t.is(await wayTo(inside, '198.18.0.1'), 'lan0')
  t.regex(await wayTo(inside, '100.80.3.4'), /No route to host|unreachable/)
  t.is((await inside.run(process.execPath, MAIN, 'undo')).code, 0)
  t.deepEqual(await routing(inside), before)
})

test('D5: a daemon starts anew over what others that were killed left', async (t) => {
  const inside = await machineOnline(t)
  const before = await routing(inside)
  const first = await serve(t, inside)
  const ended = once(first.child, 'exit')
  first.child.kill('SIGKILL')
  await ended
  await batch(inside, '-4', ['rule add pref 5250 iif lo uidrange 500-599 lookup 5254'])
  const second = await serve(t, inside)
  t.is(await wayTo(inside, '10.1.1.1', 500), 'lan0')
  t.is(await wayTo(inside, '10.1.1.1'), 'zt0')
  t.is(await second.ask('undo'), 'ok')
  t.deepEqual(await routing(inside), before)
})
