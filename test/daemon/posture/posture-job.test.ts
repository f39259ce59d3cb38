import { EventEmitter, once } from 'node:events'
import test, { type ExecutionContext } from 'ava'
import { err, ok } from '#lib/result'
import type { Found } from '../../../daemon/posture/plan.ts'
import { type PostureDeps, startPosture } from '../../../daemon/posture/posture-job.ts'
import type { PostureObservation, PostureRequest } from '../../../lib/wire/posture-message.ts'
import { deferred } from '../../support/deferred.ts'
import { memoryLog } from '../../support/tunnel.ts'

const AGENT: PostureRequest = { name: 'agent', kind: 'file', lookAt: ['/a'], everyMs: 30 }
const OTHER: PostureRequest = { ...AGENT, name: 'other', lookAt: ['/b'], everyMs: 60_000 }

function start(t: ExecutionContext, change: Partial<PostureDeps> = {}) {
  const told = new EventEmitter()
  const found: { now: Found } = { now: { kind: 'file', exists: true } }
  const job = startPosture({
    collect: async () => found.now,
    report: async (observations) => {
      told.emit('told', observations)
      return ok(
        observations.map(({ name }) => ({ name, passed: true, detail: 'd', validForMs: 60_000 })),
      )
    },
    onTold: () => told.emit('all'),
    log: memoryLog(),
    ...change,
  })
  t.teardown(() => job.stop())
  const next = async () => (await once(told, 'told'))[0] as readonly PostureObservation[]
  return { job, found, told, next }
}

test('D10: nothing is looked at that nobody asked for', (t) => {
  const { job } = start(t)
  t.deepEqual(job.checks, [])
  t.false(job.isSettling)
})

test('D10: what is asked is told at once, and again when its time has come', async (t) => {
  const { job, found, next } = start(t)
  const first = next()
  job.ask([AGENT])
  t.true(job.isSettling)
  t.like((await first)[0], { name: 'agent', lookAt: ['/a'], found: { exists: true } })
  found.now = { kind: 'file', exists: false }
  t.like((await next())[0], { found: { exists: false } })
})

test('D10: after a reconnection what is known is told again, with its age', async (t) => {
  const { job, told, next } = start(t)
  const all = once(told, 'all')
  job.ask([OTHER])
  await all
  t.false(job.isSettling)
  t.like(job.checks, [{ name: 'other', result: 'passed', found: { exists: true } }])
  const again = next()
  job.ask([OTHER])
  const [observation] = await again
  t.true((observation?.observedAgoMs ?? -1) >= 0)
})

test('D10: while the gateway is away nothing breaks, and flows are not held back', async (t) => {
  const { job, told } = start(t, { report: async () => err({ reason: 'not_connected' }) })
  const all = once(told, 'all')
  job.ask([OTHER])
  await all
  t.like(job.checks, [{ name: 'other', result: 'unknown' }])
})

test('D10: while an answer is awaited the last look alone is kept to be told', async (t) => {
  const [answered, looked] = [deferred<void>(), deferred<void>()]
  const counts: number[] = []
  const told = deferred<readonly PostureObservation[]>()
  let looks = 0
  const { job } = start(t, {
    collect: async () => {
      looks += 1
      if (looks === 5) looked.resolve()
      return { kind: 'client_version', version: `${looks}` }
    },
    report: async (observations) => {
      counts.push(observations.length)
      if (counts.length === 2) told.resolve(observations)
      await answered.promise
      return ok([])
    },
  })
  job.ask([AGENT])
  await looked.promise
  answered.resolve()
  const [observation, ...older] = await told.promise
  t.deepEqual(older, [])
  t.like(observation, { name: 'agent', found: { kind: 'client_version' } })
})

test('D10: what is asked no longer is neither looked at nor shown', async (t) => {
  const { job, next } = start(t)
  const first = next()
  job.ask([AGENT, OTHER])
  await first
  job.ask([])
  t.deepEqual(job.checks, [])
})
