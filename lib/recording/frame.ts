/**
 * Frames: what the plaintext of a chunk is made of. A frame never crosses a chunk.
 *
 *   u8 kind | u8 flags | i32 channel | u48 time | u32 length | payload
 *
 * Kind 0 is an event (JSON), 1 input, 2 output, 3 stderr. Flag 1: the event goes on in the next frame of its class.
 * Time is in microseconds since the session was opened; it never decreases, and differs between classes.
 */
import { err, ok, type Result } from '#lib/result'
import type { SealClass } from '../seal/container-format.ts'
import type { SessionEvent, StreamName } from './session-event.ts'

export const FRAME_HEAD_BYTES = 16
/** An event is at most one SSH packet of text, which JSON may spell up to six times as long. */
export const EVENT_LIMIT_BYTES = 4 * 1024 * 1024

/** Bytes of one direction of one channel. */
export type DataFrame = {
  readonly timeUs: number
  readonly channel: number
  readonly stream: StreamName
  readonly bytes: Uint8Array
}

/** Bytes, or a fact. */
export type Frame = DataFrame | { readonly timeUs: number; readonly event: SessionEvent }

/** `event` and the streams, by their number in a frame. */
export const FRAME_KINDS = ['event', 'input', 'output', 'stderr'] as const
export type FrameKind = (typeof FRAME_KINDS)[number]

/** A frame before its event is put together and read. */
export type RawFrame = {
  readonly kind: FrameKind
  readonly more: boolean
  readonly channel: number
  readonly timeUs: number
  /** A view of the chunk. */
  readonly payload: Uint8Array
}

/** The class that bytes of a stream are sealed in. */
export function classOfStream(stream: StreamName): SealClass {
  return stream === 'input' ? 'input' : 'output'
}

const TWO_32 = 2 ** 32

/** Writes the head of a frame; the caller has the room. */
export function writeFrameHead(
  target: Uint8Array,
  offset: number,
  frame: Omit<RawFrame, 'payload'>,
  lengthBytes: number,
): void {
  const view = new DataView(target.buffer, target.byteOffset + offset, FRAME_HEAD_BYTES)
  view.setUint8(0, FRAME_KINDS.indexOf(frame.kind))
  view.setUint8(1, frame.more ? 1 : 0)
  view.setInt32(2, frame.channel)
  view.setUint16(6, Math.floor(frame.timeUs / TWO_32))
  view.setUint32(8, frame.timeUs % TWO_32)
  view.setUint32(12, lengthBytes)
}

/** Cuts the plaintext of a chunk into frames. Never throws, for any input. */
export function parseFrames(
  plaintext: Uint8Array,
): Result<readonly RawFrame[], { readonly reason: 'bad_frame' }> {
  const frames: RawFrame[] = []
  let offset = 0
  while (offset < plaintext.length) {
    const frame = parseFrame(plaintext.subarray(offset))
    if (!frame) return err({ reason: 'bad_frame' })
    frames.push(frame)
    offset += FRAME_HEAD_BYTES + frame.payload.length
  }
  return ok(frames)
}

function parseFrame(input: Uint8Array): RawFrame | undefined {
  if (input.length < FRAME_HEAD_BYTES) return undefined
  const view = new DataView(input.buffer, input.byteOffset, input.length)
  const kind = FRAME_KINDS[view.getUint8(0)]
  const flags = view.getUint8(1)
  const end = FRAME_HEAD_BYTES + view.getUint32(12)
  if (kind === undefined || flags > (kind === 'event' ? 1 : 0) || end > input.length) {
    return undefined
  }
  return {
    kind,
    more: flags === 1,
    channel: view.getInt32(2),
    timeUs: view.getUint16(6) * TWO_32 + view.getUint32(8),
    payload: input.subarray(FRAME_HEAD_BYTES, end),
  }
}
