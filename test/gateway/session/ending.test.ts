import test from 'ava'
import { endingSentence, endingSessions } from '../../../gateway/session/ending.ts'
import { startEndingNotices } from '../../../gateway/session/ending-notice-job.ts'
import { denial, permit } from '../../support/decisions.ts'
import { sampleFacts } from '../../support/sample-facts.ts'

const NOW = 1_000_000
const flow = (endsAtMs: number, deviceId = 'd1') => ({
  deviceId,
  decision: { ...permit, sessionEndsAtMs: endsAtMs },
})

test('A5: a session in use is announced once, five minutes before its end', (t) => {
  const announced = new Set<string>()
  const flows = [flow(NOW + 300_000), flow(NOW + 300_000), flow(NOW + 300_001, 'd2')]
  const first = endingSessions(flows, announced, NOW)
  t.deepEqual(first, [{ deviceId: 'd1', application: 'wiki', endsAtMs: NOW + 300_000 }])
  t.deepEqual(endingSessions(flows, announced, NOW), [])
  t.deepEqual(
    endingSessions(flows, announced, NOW + 1).map(({ deviceId }) => deviceId),
    ['d2'],
  )
})

test('A5: a session that was extended is announced again before its new end', (t) => {
  const announced = new Set<string>()
  endingSessions([flow(NOW)], announced, NOW)
  t.is(endingSessions([flow(NOW + 1)], announced, NOW).length, 1)
})

test('A5: what has no end, no application or no permit is not announced', (t) => {
  const { application: _, ...byRule } = permit
  const flows = [
    { deviceId: 'd1', decision: permit },
    { deviceId: 'd1', decision: { ...byRule, sessionEndsAtMs: NOW } },
    { deviceId: 'd1', decision: denial('session_expired') },
    { deviceId: 'd1' },
  ]
  t.deepEqual(endingSessions(flows, new Set(), NOW), [])
})

test('A5: the device is told which session ends, and what to do', async (t) => {
  const live = { ...flow(NOW), id: 'f', userId: 'u', facts: sampleFacts(), openedAtMs: 0 }
  const told = await new Promise<string[]>((resolve) => {
    const stop = startEndingNotices({
      table: { list: () => [live] },
      notify: (...words) => {
        stop()
        resolve(words)
      },
      now: () => NOW,
      everyMs: 1,
    })
  })
  const sentence = endingSentence({ deviceId: 'd1', application: 'wiki', endsAtMs: NOW })
  t.deepEqual(told, ['d1', 'session_ending', sentence])
  t.regex(sentence, /wiki ends at 1970-01-01T00:16:40.000Z.*zt login/)
})
