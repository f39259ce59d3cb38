/** Long work in turns: whoever waits for the event loop gets it in between. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FlowRecord } from '../flow/flow-record.ts'
import type { FlowPage, Store } from '../store/store.ts'

/** About 2 ms to read and decode. */
const PAGE_SIZE = 200

/** Flow records in pages, newest first, down to `sinceMs`; what is not asked for any more is not read. */
export async function* flowPages(
  flows: Pick<Store['flows'], 'list'>,
  sinceMs: number,
  from: Omit<FlowPage, 'limit'> = {},
): AsyncGenerator<readonly FlowRecord[]> {
  let place = from
  for (;;) {
    const page = flows.list({ ...place, limit: PAGE_SIZE })
    const wanted = page.filter(({ openedAtMs }) => openedAtMs >= sinceMs)
    yield wanted
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE_SIZE || wanted.length < page.length) return
    place = { beforeMs: last.openedAtMs, beforeId: last.id }
    await nextTurn()
  }
}

/** Calls `each` for all, a slice at a time. */
export async function inTurns<T>(all: readonly T[], each: (one: T) => void): Promise<void> {
  for (let start = 0; start < all.length; start += PAGE_SIZE) {
    for (const one of all.slice(start, start + PAGE_SIZE)) each(one)
    await nextTurn()
  }
}
