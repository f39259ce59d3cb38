/** Dials one address that was decided on; names never come here. */
import { connect, type Socket } from 'node:net'
import { err, ok, type Result } from '#lib/result'
import type { EndSignal } from './end-signal.ts'

/** Why a target was not reached; `gave_up` when the flow ended meanwhile. */
export type DialError<Own = never> = {
  readonly reason: 'target_unreachable' | 'target_timeout' | 'gave_up' | Own
}

/** Opens a way to an IP literal: a TCP connection, where nothing else is said. `Own` is what only this way fails by. */
export type Dial<Way = Socket, Own = never> = (
  to: { readonly address: string; readonly port: number },
  timeoutMs: number,
  ended: EndSignal,
) => Promise<Result<Way, DialError<Own>>>

/** Half-open is kept and small writes go out at once: this is a relay's socket. */
export const dialTarget: Dial = ({ address, port }, timeoutMs, ended) =>
  new Promise((resolve) => {
    if (ended.hasEnded) {
      resolve(err({ reason: 'gave_up' }))
      return
    }
    const socket = connect({ host: address, port, allowHalfOpen: true, noDelay: true })
    const settle = (result: Result<Socket, DialError>): void => {
      clearTimeout(timer)
      stopListening()
      if (!result.ok) socket.destroy()
      resolve(result)
    }
    const giveUp = (): void => settle(err({ reason: 'gave_up' }))
    const timer = setTimeout(() => settle(err({ reason: 'target_timeout' })), timeoutMs)
    const stopListening = ended.onEnd(giveUp)
    socket.once('connect', () => settle(ok(socket)))
    // Stays on: an error after the connection is a close for the relay.
    socket.on('error', (error: NodeJS.ErrnoException) =>
      settle(err({ reason: error.code === 'ETIMEDOUT' ? 'target_timeout' : 'target_unreachable' })),
    )
  })
