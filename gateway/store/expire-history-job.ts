/**
 * Removes history that was kept long enough, at the start and then each hour: a few rows at a time, so that flows go on
 * meanwhile. Before the first row goes, the audit log says which will.
 */
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '#lib/log'
import type { AuditLog } from '../audit/audit-log-store.ts'
import type { HistoryKept } from '../config/history.ts'
import type { AgedPlace, Aging, Store } from './store.ts'

export type ExpiryOptions = {
  readonly store: Pick<Store, 'flows' | 'dnsLog'>
  readonly kept: HistoryKept
  /** Whether a flow goes on: its record stays, however old. */
  readonly isOpen: (flowId: string) => boolean
  readonly audit: Pick<AuditLog, 'note'>
  /** Unix milliseconds. */
  readonly now: () => number
  readonly log: Log
}

export interface HistoryExpiry {
  /** Another time counts from now on, also for what is under way. */
  keep(kept: HistoryKept): void
  stop(): void
}

const EVERY_MS = 3_600_000
/** Everything else waits for so many rows: measured, about 7 ms on a busy disk. */
const BATCH_ROWS = 50
/** Rest after a batch, in times that it took. */
const REST = 9

export function startHistoryExpiry({ kept, ...options }: ExpiryOptions): HistoryExpiry {
  let inForce: HistoryKept | undefined = kept
  let isRunning = false
  let isDue = false
  const fail = (error: unknown) =>
    options.log.error({ error: String(error) }, 'history not expired')
  const run = async () => {
    isRunning = true
    while (isDue && inForce !== undefined) {
      isDue = false
      const mine = inForce
      await expireAll(options, mine, () => inForce === mine).catch(fail)
    }
    isRunning = false
  }
  const due = () => {
    isDue = true
    if (!isRunning) void run()
  }
  due()
  const timer = setInterval(due, EVERY_MS)
  return {
    keep(now) {
      inForce = now
      due()
    },
    stop() {
      inForce = undefined
      clearInterval(timer)
    },
  }
}

type Expiring<Id> = {
  readonly history: 'flows' | 'dns_log'
  readonly rows: Aging<Id>
  readonly keptMs: number
  readonly stays: (id: Id) => boolean
}

async function expireAll(
  options: Omit<ExpiryOptions, 'kept'>,
  { flowsMs, dnsLogMs }: HistoryKept,
  goesOn: () => boolean,
): Promise<void> {
  const { flows, dnsLog } = options.store
  const all = { ...options, goesOn }
  await expire({ history: 'flows', rows: flows, keptMs: flowsMs, stays: options.isOpen }, all)
  await expire({ history: 'dns_log', rows: dnsLog, keptMs: dnsLogMs, stays: () => false }, all)
}

async function expire<Id>(
  { history, rows, keptMs, stays }: Expiring<Id>,
  { audit, log, now, goesOn }: Omit<ExpiryOptions, 'kept'> & { readonly goesOn: () => boolean },
): Promise<void> {
  if (keptMs === Number.POSITIVE_INFINITY) return
  const beforeMs = now() - keptMs
  let removed = 0
  let after: AgedPlace<Id> | undefined
  while (goesOn()) {
    const startedMs = performance.now()
    const page = rows.aged({ beforeMs, limit: BATCH_ROWS, ...(after && { after }) })
    const ids = page.ids.filter((id) => !stays(id))
    if (ids.length > 0 && removed === 0) audit.note('history_expired', { history, beforeMs })
    if (ids.length > 0) rows.remove(ids)
    removed += ids.length
    after = page.next
    if (after === undefined) break
    await sleep((performance.now() - startedMs) * REST)
  }
  if (removed > 0) log.info({ history, removed }, 'history expired')
}
