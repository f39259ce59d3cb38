import { setImmediate as turn } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { parseEntry } from '#lib/audit/audit-entry'
import { openAuditLog } from '../../../gateway/audit/audit-log-store.ts'
import {
  type ExpiryOptions,
  type HistoryExpiry,
  startHistoryExpiry,
} from '../../../gateway/store/expire-history-job.ts'
import { openMemoryStore } from '../../../gateway/store/memory-store.ts'
import { flow, question, recording } from '../../contract/store-contract.ts'
import { deferred } from '../../support/deferred.ts'
import { QUIET } from '../../support/opened-gateway.ts'

const KEPT = { flowsMs: 90, dnsLogMs: 30 }
const FOREVER = { flowsMs: Number.POSITIVE_INFINITY, dnsLogMs: Number.POSITIVE_INFINITY }
/** Flows and lines are older than kept if they are of before 10 and 70. */
const NOW_MS = 100
const OLD = 120

/** A store with much that is old; what the job does with it, in order, and what it logs. */
function scene(t: ExecutionContext, change: Partial<ExpiryOptions> = {}) {
  const store = openMemoryStore()
  for (let n = 0; n < OLD; n++) store.flows.put(flow(`old-${n}`, 1, { closedAtMs: 9 }))
  for (let n = 0; n < OLD; n++) store.dnsLog.add(question('old', 69))
  const audit = openAuditLog(store.audit, () => NOW_MS)
  const done: string[] = []
  const told = [deferred<unknown>(), deferred<unknown>()] as const
  const logged: unknown[] = []
  const tell = (about: unknown) => {
    logged.push(about)
    told[logged.length - 1]?.resolve(about)
  }
  let onRemoval = (_: HistoryExpiry): void => undefined
  const watched = <Id>(remove: (ids: readonly Id[]) => void) => ({
    remove(ids: readonly Id[]) {
      done.push(`remove ${ids.length}`)
      remove(ids)
      onRemoval(expiry)
    },
  })
  const expiry: HistoryExpiry = startHistoryExpiry({
    store: {
      flows: { ...store.flows, ...watched(store.flows.remove) },
      dnsLog: { ...store.dnsLog, ...watched(store.dnsLog.remove) },
    },
    kept: FOREVER,
    isOpen: (id) => id === 'open',
    audit: {
      note(kind, about) {
        done.push(`${kind} ${about['history']} ${about['beforeMs']}`)
        audit.note(kind, about)
      },
    },
    now: () => NOW_MS,
    log: { ...QUIET, info: tell, error: tell },
    ...change,
  })
  t.teardown(() => expiry.stop())
  return {
    ...{ store, audit, expiry, done, told },
    atRemoval(does: (expiry: HistoryExpiry) => void) {
      onRemoval = does
    },
    flowIds: () => store.flows.list({ limit: 999 }).map(({ id }) => id),
  }
}

test('G11: history goes a few rows at a time when it was kept long enough, audited before', async (t) => {
  const { expiry, told, done, store, audit, flowIds } = scene(t)
  store.flows.put(flow('open', 1))
  store.flows.put(flow('left by a crash', 1))
  store.flows.put(flow('recorded', 1, { closedAtMs: 2 }))
  store.recordings.put({ ...recording('r', 1), flowId: 'recorded' })
  store.flows.put(flow('long', 1, { closedAtMs: 10 }))
  store.flows.put(flow('young', 10))
  store.dnsLog.add(question('young', 70))
  expiry.keep(KEPT)
  t.deepEqual(await told[0].promise, { history: 'flows', removed: OLD + 1 })
  t.deepEqual(await told[1].promise, { history: 'dns_log', removed: OLD })
  t.deepEqual(flowIds(), ['young', 'recorded', 'open', 'long'])
  t.deepEqual(
    store.dnsLog.list({ limit: 9 }).map(({ name }) => name),
    ['young'],
  )
  t.is(done[0], 'history_expired flows 10')
  const sizes = done.map((one) => Number(/^remove (\d+)$/.exec(one)?.[1] ?? 0))
  t.true(sizes.every((size) => size <= 50))
  t.is(done.filter((one) => one === 'history_expired dns_log 70').length, 1)
  t.is(audit.head.size, 2)
  t.is(parseEntry([...audit.lines(2)][0] ?? '')?.kind, 'history_expired')
})

test('G11: history that is kept for ever stays', async (t) => {
  const { expiry, told, done, flowIds } = scene(t)
  expiry.keep({ ...FOREVER, dnsLogMs: KEPT.dnsLogMs })
  t.like(await told[0].promise, { history: 'dns_log' })
  t.is(flowIds().length, OLD)
  t.is(done.filter((one) => one.startsWith('history_expired')).length, 1)
})

test('G11: a longer time counts at once, in the middle of a removal', async (t) => {
  const { expiry, told, atRemoval, flowIds } = scene(t)
  atRemoval((running) => running.keep({ ...FOREVER, flowsMs: 99 }))
  expiry.keep(KEPT)
  t.deepEqual(await told[0].promise, { history: 'flows', removed: 50 })
  t.is(flowIds().length, OLD - 50)
  atRemoval(() => undefined)
  expiry.keep({ ...FOREVER, flowsMs: KEPT.flowsMs })
  t.deepEqual(await told[1].promise, { history: 'flows', removed: OLD - 50 })
})

test('G11: others have their turn between two batches, and a stop ends it there', async (t) => {
  const { expiry, told, atRemoval, done } = scene(t)
  let removals = 0
  let turns = 0
  atRemoval((running) => {
    removals++
    t.true(turns >= removals - 1)
    setImmediate(() => turns++)
    if (removals === 2) running.stop()
  })
  expiry.keep(KEPT)
  t.deepEqual(await told[0].promise, { history: 'flows', removed: 100 })
  await turn()
  t.is(done.at(-1), 'remove 50')
  t.is(removals, 2)
})

test('G11: what cannot be audited is not removed', async (t) => {
  const { told, done, flowIds } = scene(t, {
    kept: KEPT,
    audit: {
      note() {
        throw new Error('the store is full')
      },
    },
  })
  t.deepEqual(await told[0].promise, { error: 'Error: the store is full' })
  t.is(flowIds().length, OLD)
  t.deepEqual(done, [])
})
