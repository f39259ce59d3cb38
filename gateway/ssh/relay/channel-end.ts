/**
 * One end of a channel that the gateway holds itself (RFC 4254 section 5), with a window of its own: of a way from
 * inside a session to another target. Pure: messages and octets in, messages out.
 */
import { MESSAGE } from '#lib/ssh/message-numbers'
import {
  channelClose,
  channelData,
  channelEof,
  channelFailure,
  channelOpen,
  OPEN_FAILURE,
  openConfirmation,
  openFailure,
  type PeerEnd,
  readChannelRequest,
  readOpenConfirmation,
  uint32At,
  windowAdjust,
} from './messages.ts'
import type { ProtocolBreach } from './relay-action.ts'

/** Octets that a peer may have under way to us; as OpenSSH's own. */
const WINDOW = 2 ** 21
const PACKET = 2 ** 15
const WINDOW_LIMIT = 2 ** 32 - 1

/** Who is told what comes. */
export type EndHandlers = {
  /** The peer took the channel. */
  onOpen(): void
  /** The peer did not. */
  onRefused(): void
  /** Valid only during the call. */
  onData(bytes: Buffer): void
  onEof(): void
  /** Both sides closed: nothing follows. */
  onClosed(): void
  /** More may be sent. */
  onWindow(): void
}

export class ChannelEnd {
  readonly #number: number
  readonly #send: (payload: Buffer) => void
  readonly #handlers: EndHandlers
  #peer: PeerEnd | undefined
  #sendWindow = 0
  #receiveWindow = WINDOW
  #consumed = 0
  #sent = { eof: false, close: false }
  #isClosed = false

  /** @param number ours. */
  constructor(number: number, send: (payload: Buffer) => void, handlers: EndHandlers) {
    this.#number = number
    this.#send = send
    this.#handlers = handlers
  }

  /** Takes a channel that the peer asked for. */
  accept(peer: PeerEnd): void {
    this.#opened(peer)
    this.#send(openConfirmation(peer.sender, this.#number, WINDOW, PACKET))
  }

  /** Asks the peer for a channel. */
  ask(kind: string, fields: Buffer): void {
    this.#send(channelOpen(kind, this.#number, WINDOW, PACKET, fields))
  }

  /** Takes one message for this end; its recipient was looked at. */
  take(payload: Buffer): ProtocolBreach | undefined {
    if (this.#peer === undefined) return this.#answer(payload)
    switch (payload[0]) {
      case MESSAGE.channelData:
        return this.#data(payload)
      case MESSAGE.channelWindowAdjust:
        return this.#adjust(payload)
      case MESSAGE.channelRequest:
        return this.#request(payload, this.#peer)
      case MESSAGE.channelEof:
        this.#handlers.onEof()
        return undefined
      case MESSAGE.channelClose:
        this.#closed()
        return undefined
      case MESSAGE.channelSuccess:
      case MESSAGE.channelFailure:
        return undefined
      default:
        return 'unexpected_message'
    }
  }

  /** Sends as much as the peer's window has. @returns how many octets that was. */
  write(bytes: Buffer): number {
    if (this.#peer === undefined || this.#sent.eof || this.#sent.close) return 0
    const size = Math.min(bytes.length, this.#sendWindow)
    const most = Math.max(1, Math.min(this.#peer.packetBytes, PACKET))
    for (let at = 0; at < size; at += most) {
      const part = bytes.subarray(at, Math.min(at + most, size))
      this.#send(channelData(this.#peer.sender, part))
    }
    this.#sendWindow -= size
    return size
  }

  /** What came was used: the peer may send as much again. */
  consumed(octets: number): void {
    this.#consumed += octets
    if (this.#peer === undefined || this.#sent.close || this.#consumed < WINDOW / 4) return
    this.#send(windowAdjust(this.#peer.sender, this.#consumed))
    this.#receiveWindow += this.#consumed
    this.#consumed = 0
  }

  /** No more octets are sent. */
  eof(): void {
    if (this.#peer === undefined || this.#sent.eof || this.#sent.close) return
    this.#sent.eof = true
    this.#send(channelEof(this.#peer.sender))
  }

  close(): void {
    if (this.#peer === undefined || this.#sent.close) return
    this.#sent.close = true
    this.#send(channelClose(this.#peer.sender))
    if (this.#isClosed) this.#handlers.onClosed()
  }

  #opened(peer: PeerEnd): void {
    this.#peer = peer
    this.#sendWindow = peer.windowBytes
  }

  #answer(payload: Buffer): ProtocolBreach | undefined {
    if (payload[0] === MESSAGE.channelOpenFailure) {
      this.#handlers.onRefused()
      return undefined
    }
    if (payload[0] !== MESSAGE.channelOpenConfirmation) return 'unexpected_message'
    const peer = readOpenConfirmation(payload)
    if (peer === undefined) return 'malformed_message'
    this.#opened(peer)
    this.#handlers.onOpen()
    return undefined
  }

  #data(payload: Buffer): ProtocolBreach | undefined {
    const size = uint32At(payload, 5)
    if (size === undefined || payload.length !== 9 + size) return 'malformed_message'
    this.#receiveWindow -= size
    if (this.#receiveWindow < 0) return 'window_exceeded'
    if (!this.#sent.close) this.#handlers.onData(payload.subarray(9))
    return undefined
  }

  #adjust(payload: Buffer): ProtocolBreach | undefined {
    const octets = uint32At(payload, 5)
    if (octets === undefined) return 'malformed_message'
    this.#sendWindow += octets
    if (this.#sendWindow > WINDOW_LIMIT) return 'window_overflow'
    this.#handlers.onWindow()
    return undefined
  }

  #request(payload: Buffer, peer: PeerEnd): ProtocolBreach | undefined {
    const request = readChannelRequest(payload)
    if (request === undefined) return 'malformed_message'
    if (request.wantReply && !this.#sent.close) this.#send(channelFailure(peer.sender))
    return undefined
  }

  #closed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#sent.close) this.#handlers.onClosed()
    else this.close()
  }
}

/** Turns a channel down that a peer asked for, with a sentence for its user. */
export function turnDown(peer: PeerEnd, sentence: string): Buffer {
  return openFailure(peer.sender, OPEN_FAILURE.administrativelyProhibited, sentence)
}
