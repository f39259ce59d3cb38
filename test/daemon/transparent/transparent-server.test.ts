import { join } from 'node:path'
import test from 'ava'
import { batch, freshMachine, routing } from '../../support/namespace-machine.ts'

const PROCESS = join(import.meta.dirname, '../../support/transparent-process.js')

test('D2 D5: when a change fails for a reason that nobody foresaw, everything is given back', async (t) => {
  const inside = await freshMachine(t)
  await batch(inside, '-4', ['route add default via 192.0.2.1'])
  const before = await routing(inside)
  const { code, stdout } = await inside.run(process.execPath, PROCESS, '1000')
  t.deepEqual(JSON.parse(stdout), { reason: 'change_failed', detail: 'Error: no names' })
  t.is(code, 0)
  t.deepEqual(await routing(inside), before)
})
