/** A gateway that runs: its policy changes, and it drains. */
import type { ListenerConfig } from './config/gateway-config.ts'
import type { HistoryKept } from './config/history.ts'
import type { Listener, Parts } from './listeners-server.ts'
import type { PolicySource } from './policy-source.ts'
import type { HistoryExpiry } from './store/expire-history-job.ts'

/** After the deadline of a drain: for what is cut to be written down, ms. */
const CLOSING_MS = 2000

/** A gateway that runs. */
export interface Gateway {
  /** Where its listeners listen, by name, with the ports they got. */
  readonly addresses: Readonly<Record<string, ListenerConfig['listen']>>
  /** Revision of the policy in force. */
  readonly revision: number
  /**
   * Reads the list of recipients again, and puts a policy in force as the next revision; flows that it does not permit as they are end now.
   * @param history how long history is kept from now on, if that changes.
   */
  reload(
    policy: PolicySource,
    history?: HistoryKept,
  ): Promise<{ readonly revision: number; readonly cutFlows: number }>
  /** Accepts nothing new and lets flows end for at most `deadlineMs`, then closes all but the store. */
  drain(deadlineMs: number): Promise<void>
}

export function runningGateway(
  listeners: readonly Listener[],
  {
    table,
    policyInForce: { snapshot, replace },
    recording,
    reconsideration,
    holding,
    endAccess,
    checkpoints,
    expiry,
  }: Parts & { readonly expiry: HistoryExpiry },
): Gateway {
  return {
    addresses: Object.fromEntries(listeners.map(({ name, address }) => [name, address])),
    get revision() {
      return snapshot.current.revision
    },
    async reload(source, history) {
      if (history !== undefined) expiry.keep(history)
      await recording.reloadRecipients()
      await replace(source)
      const cutFlows = reconsideration.tell({ kind: 'everything' })
      return { revision: snapshot.current.revision, cutFlows }
    },
    async drain(deadlineMs) {
      const all = Promise.all(listeners.map((listener) => listener.drain(deadlineMs)))
      await within(deadlineMs + CLOSING_MS, all)
      endAccess()
      table.cutWhere(() => true, 'gateway_draining')
      holding.stop()
      checkpoints.stop()
      recording.stop()
      expiry.stop()
    },
  }
}

/** Waits for `work`, but no longer than `limitMs`. */
async function within(limitMs: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs)
  })
  await Promise.race([work, limit])
  clearTimeout(timer)
}
