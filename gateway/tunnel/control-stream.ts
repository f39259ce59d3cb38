/** A control stream from the gateway's side: numbered messages go out, as many as the daemon reads. */
import type { Duplex } from 'node:stream'
import { encodeControlMessage } from '#lib/wire/control-codec'
import type { GatewayMessage } from '#lib/wire/control-message'
import type { TunnelPeer } from './incoming.ts'

/** Versions of the control messages: 2 adds `synthetic` and `lockdown` to the settings, 3 adds `lock`, 4 `captivePortalMs`. */
export const VERSIONS = { min: 1, max: 4 }
/** Octets that may wait for a daemon that does not read. */
const UNREAD_LIMIT = 8 * 1024 * 1024

/** Distributes over `seq`, which the stream counts. */
export type Outgoing = GatewayMessage extends infer M
  ? M extends unknown
    ? Omit<M, 'seq'>
    : never
  : never

/** The stream of one daemon, as those see it who answer on it. */
export type ControlStream = {
  send(message: Outgoing): void
  /** Tells why, and ends the stream. */
  close(reason: string, sentence: string): void
  readonly peer: TunnelPeer
  /** Of the messages, as agreed; the oldest before that. */
  version: number
}

export function openControlStream(peer: TunnelPeer, stream: Duplex): ControlStream {
  let seq = 0
  const send = (message: Outgoing): void => {
    if (stream.destroyed || stream.writableEnded) return
    if (stream.writableLength > UNREAD_LIMIT) {
      stream.destroy()
      return
    }
    seq += 1
    stream.write(encodeControlMessage({ ...message, seq }))
  }
  return {
    peer,
    version: VERSIONS.min,
    send,
    close(reason, sentence) {
      send({ type: 'notice', id: 'close', reason, sentence })
      stream.end()
    },
  }
}
