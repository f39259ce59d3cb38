/** The flows of one association: one for each destination, opened by its first datagram, ended when nothing passes. */
import type { DatagramFlow } from '#lib/tunnel/datagram-flow'
import type { OpenDatagrams } from './open-flow.ts'
import { printSocksHeader, type SocksDatagram } from './socks5-udp-message.ts'

export type SocksUdpFlowDeps = {
  readonly openDatagrams: OpenDatagrams
  /** Takes an answer for the client. */
  readonly answer: (header: Uint8Array, payload: Uint8Array) => void
  readonly onRefused: (reason: string) => void
  /** Counts a datagram that is lost here. */
  readonly drop: (reason: string) => void
  readonly limits: { readonly destinations: number; readonly idleMs: number }
}

export interface SocksUdpFlows {
  send(datagram: SocksDatagram): void
  /** Ends all flows. */
  close(): void
}

/** Datagrams of one destination that wait for the verdict. */
const WAITING_LIMIT = 16
/** A destination that was refused is asked for again after this long. */
const REFUSED_MS = 5_000

type Entry = {
  flow?: DatagramFlow
  /** Undefined once it was refused. */
  waiting: Uint8Array[] | undefined
  giveUp: () => void
  timer: NodeJS.Timeout
}

export function createSocksUdpFlows(deps: SocksUdpFlowDeps): SocksUdpFlows {
  const entries = new Map<string, Entry>()
  let isClosed = false

  function remove(key: string, entry: Entry): void {
    if (entries.get(key) !== entry) return
    entries.delete(key)
    clearTimeout(entry.timer)
    entry.giveUp()
    entry.flow?.close()
  }

  function open(key: string, { host, port }: SocksDatagram): Entry {
    const timer = setTimeout(() => remove(key, entry), deps.limits.idleMs)
    const entry: Entry = { waiting: [], giveUp: () => undefined, timer }
    entries.set(key, entry)
    void join(key, entry, { host, port })
    return entry
  }

  async function join(
    key: string,
    entry: Entry,
    target: { readonly host: string; readonly port: number },
  ): Promise<void> {
    const onGone = (giveUp: () => void): void => {
      entry.giveUp = giveUp
      if (entries.get(key) !== entry) giveUp()
    }
    const opened = await deps.openDatagrams('udp', target, {}, onGone)
    const waiting = entry.waiting ?? []
    entry.waiting = undefined
    entry.giveUp = () => undefined
    if (!opened.ok) return refused(key, entry, opened.error.reason)
    const flow = opened.value
    if (entries.get(key) !== entry) return flow.close()
    entry.flow = flow
    const header = printSocksHeader(target.host, target.port)
    flow.onDatagram((payload) => {
      entry.timer.refresh()
      // The view is valid during the call only.
      deps.answer(header, Buffer.from(payload))
    })
    for (const payload of waiting) flow.send(payload)
    await flow.closed
    remove(key, entry)
  }

  /** Stays for a moment, so that a program that tries again does not ask the gateway for every datagram. */
  function refused(key: string, entry: Entry, reason: string): void {
    deps.onRefused(reason)
    clearTimeout(entry.timer)
    if (entries.get(key) !== entry) return
    entry.timer = setTimeout(() => remove(key, entry), Math.min(REFUSED_MS, deps.limits.idleMs))
  }

  return {
    send(datagram) {
      if (isClosed) return
      const key = `${datagram.host} ${datagram.port}`
      const known = entries.get(key)
      if (known === undefined && entries.size >= deps.limits.destinations) {
        return deps.drop('too_many_destinations')
      }
      const { flow, waiting, timer } = known ?? open(key, datagram)
      if (flow !== undefined) {
        timer.refresh()
        return flow.send(datagram.payload)
      }
      if (waiting === undefined) return deps.drop('refused')
      if (waiting.length >= WAITING_LIMIT) return deps.drop('too_early')
      waiting.push(datagram.payload)
    },
    close() {
      isClosed = true
      for (const [key, entry] of entries) remove(key, entry)
    },
  }
}
