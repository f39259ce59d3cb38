/**
 * Keeps one control stream open while there is a connection to carry it, and moves it when that one goes.
 */
import { err, type Result } from '#lib/result'
import type { TunnelConnection } from '#lib/tunnel/tunnel-connection'
import type { GatewayMessage } from '#lib/wire/control-message'
import {
  type ControlClient,
  type ControlEvents,
  openControlClient,
  type Question,
} from './control-client.ts'
import type { AskError } from './tunnel.ts'

export interface ControlKeeper {
  /** To be called whenever the set of usable connections changed. */
  refresh(): void
  ask(question: Question): Promise<Result<GatewayMessage, AskError>>
  stop(): void
}

/** After a stream that ended without its connection. */
const REOPEN_MS = 1_000
/** After another machine took the stream over: the two must not throw each other out in a loop. */
const DUPLICATE_REOPEN_MS = 60_000

type Current = { readonly connection: TunnelConnection; client?: ControlClient }

/** @param usable connections that take new streams, the best one first. */
export function createControlKeeper(
  usable: () => readonly TunnelConnection[],
  events: ControlEvents,
): ControlKeeper {
  let current: Current | undefined
  let timer: NodeJS.Timeout | undefined

  /** Events of a stream that was left behind are not for the daemon any more. */
  function eventsOf(own: Current): ControlEvents {
    const ifCurrent =
      <A>(listener: (value: A) => void) =>
      (value: A) => {
        if (current === own) listener(value)
      }
    return {
      onWelcome: ifCurrent(events.onWelcome),
      onSettings: ifCurrent(events.onSettings),
      onNotice: ifCurrent(events.onNotice),
      onPrompt: ifCurrent(events.onPrompt),
      onPromptEnded: ifCurrent(events.onPromptEnded),
      onCheckpoint: ifCurrent(events.onCheckpoint),
    }
  }

  function release(own: Current, reason: string): void {
    if (current !== own) return
    current = undefined
    clearTimeout(timer)
    timer = setTimeout(refresh, reason === 'device_duplicate' ? DUPLICATE_REOPEN_MS : REOPEN_MS)
  }

  async function open(own: Current): Promise<void> {
    const stream = await own.connection.openControl()
    if (current !== own) {
      stream.destroy()
      return
    }
    own.client = openControlClient(stream, eventsOf(own))
    release(own, (await own.client.closed).reason)
  }

  function refresh(): void {
    const [connection, ...others] = usable()
    if (connection === undefined) return
    if (current !== undefined && [connection, ...others].includes(current.connection)) return
    clearTimeout(timer)
    current?.client?.close()
    const own: Current = { connection }
    current = own
    open(own).catch(() => release(own, 'connection_lost'))
  }

  return {
    refresh,
    ask: (question) =>
      current?.client?.ask(question) ?? Promise.resolve(err({ reason: 'not_connected' })),
    stop() {
      clearTimeout(timer)
      current?.client?.close()
      current = undefined
    },
  }
}
