import { join } from 'node:path'
import ava from 'ava'
import { batch, freshMachine, type Inside, routing } from '../../support/namespace-machine.ts'

/** One after the other: each starts several programs, and all at once would take longer than one may. */
const test = ava.serial

const MAIN = join(import.meta.dirname, '../../../daemon/main.js')

const leftoversOf = (synthetic: string, single: string, own: string) => [
  `route replace throw ${single} table 5254`,
  `route replace unreachable ${synthetic} metric 4294967295 table 5254`,
  'rule add pref 5250 iif lo uidrange 1000-1999 lookup 5254',
  `rule add pref 5250 from ${own} iif lo uidrange 0-0 lookup 5254`,
  `rule add pref 5250 to ${own} iif lo lookup 5254`,
  `rule add pref 5251 to ${synthetic} unreachable`,
]

async function leaveBehind(inside: Inside): Promise<void> {
  await batch(inside, '-4', leftoversOf('100.80.0.0/16', '192.0.2.1', '100.80.0.53'))
  await batch(inside, '-6', leftoversOf('fd5a::/64', '2001:db8::1', 'fd5a::53'))
}

test('D5 T102: zt-daemon undo removes rules and routes of a dead daemon, and nothing else', async (t) => {
  const inside = await freshMachine(t)
  const before = await routing(inside)
  await leaveBehind(inside)
  t.notDeepEqual(await routing(inside), before)

  const undone = await inside.run(process.execPath, MAIN, 'undo', '--keep-lockdown')
  t.is(undone.code, 0, undone.stderr)
  t.is(undone.stdout.trim().split('\n').length, 12)
  t.deepEqual(await routing(inside), before)

  const again = await inside.run(process.execPath, MAIN, 'undo')
  t.like(again, { code: 0, stdout: '', stderr: '' })
  t.is((await inside.run(process.execPath, MAIN, 'undo', '--state', '/tmp')).code, 2)
})

test('D5: zt-daemon undo leaves alone what a daemon uses', async (t) => {
  const inside = await freshMachine(t)
  await leaveBehind(inside)
  await batch(inside, '-4', ['route add 10.0.0.0/8 dev lan0 table 5254'])
  const before = await routing(inside)
  const refused = await inside.run(process.execPath, MAIN, 'undo')
  t.is(refused.code, 1)
  t.regex(refused.stderr, /a daemon serves lan0 \(in_use\)/)
  t.deepEqual(await routing(inside), before)
})

test('D5: zt-daemon undo says what it may not remove', async (t) => {
  const inside = await freshMachine(t)
  await leaveBehind(inside)
  const asNobody = ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups']
  const refused = await inside.run(...asNobody, process.execPath, MAIN, 'undo')
  t.is(refused.code, 1)
  t.regex(refused.stderr, /^rule del pref 5250 .*: RTNETLINK answers: Operation not permitted$/m)
})
