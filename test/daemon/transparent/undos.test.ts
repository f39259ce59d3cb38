import test from 'ava'
import { giveBack } from '../../../daemon/transparent/undos.ts'

test('D5: what cannot be given back keeps nothing else from being given back', async (t) => {
  const done: string[] = []
  const undos = ['device', 'routes', 'names'].map((what) => async () => {
    done.push(what)
    if (what !== 'device') throw new Error(`${what} stay`)
  })
  const error = await t.throwsAsync(giveBack(undos))
  t.is(error.message, 'Error: names stay; Error: routes stay')
  t.deepEqual(done, ['names', 'routes', 'device'])
  t.deepEqual(undos, [])
})
