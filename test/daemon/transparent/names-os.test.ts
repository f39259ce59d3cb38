import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test from 'ava'
import { wholeMachine } from '../../support/whole-machine.ts'

const PROCESS = join(import.meta.dirname, '../../support/names-process.js')

test('D3 D5: a way that is lost and cannot be replaced counts as given back, once', async (t) => {
  const machine = await wholeMachine(t)
  const child = machine.start(process.execPath, PROCESS)
  if (child.stdout === null) throw new Error('no stdout')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => JSON.parse(String((await lines.next()).value))
  const ask = (line: string) => {
    child.stdin?.write(`${line}\n`)
    return next()
  }
  t.deepEqual((await next()).state, { mode: 'port53' })
  await machine.sh(`kill $(pgrep -P ${child.pid} nft)`)
  while ((await ask('look')).state.reason !== 'nft_table_lost');
  // Of such a file nothing can be learnt, which nobody foresees.
  await machine.sh('rm /etc/resolv.conf && mkdir /etc/resolv.conf')
  const changed = await ask('change')
  t.regex(changed.thrown, /EISDIR/)
  t.is(changed.state.reason, 'dns_not_taken')
  const { notes } = await ask('close')
  t.deepEqual(notes, ['port53 for corp.internal', 'no port53'])
})

test('D3: the daemon that runs as a user whom it serves says that this one is left out', async (t) => {
  const machine = await wholeMachine(t)
  const rights = ['--inh-caps=+net_admin', '--ambient-caps=+net_admin']
  const user = ['setpriv', '--reuid=1000', '--regid=1000', '--clear-groups', ...rights]
  const child = machine.start(...user, process.execPath, PROCESS)
  if (child.stdout === null) throw new Error('no stdout')
  const [said] = await once(createInterface({ input: child.stdout }), 'line')
  const { mode, reason, detail } = JSON.parse(String(said)).state
  t.deepEqual([mode, reason], ['port53', 'own_user_left_out'])
  t.regex(detail, /uid 1000/)
})
