import test from 'ava'
import { watchIdle } from '../../../gateway/enforce/idle-watch-job.ts'

test('what stands still for the time-out is idle, what moves is not', async (t) => {
  let passed = 0
  const moving = watchIdle(
    () => passed++,
    40,
    () => t.fail('it moved'),
  )
  await new Promise<void>((resolve) => {
    const still = watchIdle(
      () => 7,
      80,
      () => {
        still()
        resolve()
      },
    )
  })
  moving()
  t.true(passed > 2)
})

test('a time-out longer than a timer can wait does not end at once', async (t) => {
  const idle: string[] = []
  const years = 300 * 24 * 3600 * 1000
  const ends = [8 * 2 ** 31, years].map((timeoutMs) =>
    watchIdle(
      () => 0,
      timeoutMs,
      () => idle.push('idle'),
    ),
  )
  const looked = watchIdle(
    () => 0,
    80,
    () => idle.push('looked'),
  )
  while (!idle.includes('looked')) await new Promise(setImmediate)
  for (const end of [...ends, looked]) end()
  t.false(idle.includes('idle'))
})
