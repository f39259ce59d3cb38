/** Delivers alerts to one sink, one after the other, again after a failure. Nobody waits for it. */
import { setTimeout } from 'node:timers/promises'
import type { Log } from '#lib/log'
import type { Alert, SendAlert } from './alert.ts'

export type DeliverySettings = {
  /** Alerts that may wait; one more is dropped. */
  readonly waiting: number
  /** Before an alert is dropped. */
  readonly attempts: number
  /** After the first failure, ms; twice as long after each further one, up to a minute. */
  readonly backOffMs: number
}

/** With these an alert is tried for about five minutes. */
export const DELIVERY: DeliverySettings = { waiting: 1000, attempts: 10, backOffMs: 1000 }
const LONGEST_BACK_OFF_MS = 60_000

export type Sink = {
  readonly send: SendAlert
  /** Delivers no more; what waits is told to the log. */
  stop(): void
}

type SinkParts = {
  readonly name: string
  /** Rejects when the alert did not arrive. */
  readonly deliver: (alert: Alert) => Promise<void>
  readonly log: Log
  readonly settings?: Partial<DeliverySettings>
}

export function startDelivery({ name, deliver, log, settings }: SinkParts): Sink {
  const { waiting, attempts, backOffMs } = { ...DELIVERY, ...settings }
  const queue: Alert[] = []
  const over = new AbortController()
  let isBusy = false
  let dropped = 0

  function drop(alert: Alert, reason: string): void {
    dropped++
    log.error(
      { sink: name, alert: alert.id, session: alert.session, reason, dropped },
      'alert dropped',
    )
  }

  async function tryOnce(alert: Alert): Promise<boolean> {
    try {
      await deliver(alert)
      return true
    } catch (error) {
      log.warn({ sink: name, alert: alert.id, error: String(error) }, 'alert not delivered')
      return false
    }
  }

  async function deliverFirst(alert: Alert): Promise<void> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      if (over.signal.aborted || (await tryOnce(alert))) return
      if (attempt + 1 < attempts) await wait(backOffMs * 2 ** attempt)
    }
    drop(alert, 'not_delivered')
  }

  /** Until the time or the sink is over. */
  async function wait(ms: number): Promise<void> {
    const { signal } = over
    await setTimeout(Math.min(ms, LONGEST_BACK_OFF_MS), undefined, { signal }).catch(
      () => undefined,
    )
  }

  async function work(): Promise<void> {
    isBusy = true
    for (let [alert] = queue; alert !== undefined && !over.signal.aborted; [alert] = queue) {
      await deliverFirst(alert)
      if (!over.signal.aborted) queue.shift()
    }
    isBusy = false
  }

  return {
    send(alert) {
      if (queue.length >= waiting) return drop(alert, 'too_many_waiting')
      queue.push(alert)
      if (!isBusy) void work()
    },
    stop() {
      over.abort()
      if (queue.length > 0) log.error({ sink: name, alerts: queue.length }, 'alerts not delivered')
    },
  }
}
