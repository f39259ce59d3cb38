/**
 * A byte stream as capsules (RFC 9297 section 3.2), so that its end is said: DATA and FINAL_DATA, named as in
 * draft-ietf-httpbis-connect-tcp. What stops without FINAL_DATA was cut off. Other capsules are skipped.
 */
import { err, ok, type Result } from '#lib/result'
import { readVarint, VARINT_OCTETS } from './varint.ts'

/** Numbers of ours: both ends are programs of zt on one machine. */
const DATA = 0x2028d7f0
const FINAL_DATA = 0x2028d7f1
const HEAD_LIMIT = 2 * VARINT_OCTETS
/** Bits that say "four octets" in front of an integer (RFC 9000 section 16). */
const FOUR_OCTETS = 0x80000000
/** What a length of four octets can say. */
const LENGTH_LIMIT = 2 ** 30

export type StreamCapsuleError = { readonly reason: 'capsule_too_long' | 'capsule_after_end' }

export type StreamCapsuleReader = {
  /** Takes the next octets; how they are split changes nothing. After an error every call gives it again. */
  push(chunk: Uint8Array): Result<void, StreamCapsuleError>
}

/** The head of a capsule with this many octets behind it, below 2^30. */
export function dataHead(length: number): Buffer {
  return head(DATA, length)
}

/** The capsule that ends a stream in order. */
export function streamEnd(): Buffer {
  return head(FINAL_DATA, 0)
}

function head(type: number, length: number): Buffer {
  const octets = Buffer.allocUnsafe(8)
  octets.writeUInt32BE(FOUR_OCTETS + type, 0)
  octets.writeUInt32BE(FOUR_OCTETS + length, 4)
  return octets
}

/**
 * @param onData gets octets as they come, views of what was pushed.
 * @param onEnd called once, after the last of them.
 */
export function createStreamCapsuleReader(
  onData: (octets: Uint8Array) => void,
  onEnd: () => void,
): StreamCapsuleReader {
  const heading = Buffer.alloc(HEAD_LIMIT)
  let headingLength = 0
  let type = 0
  /** Octets that the capsule still has; undefined between capsules. */
  let left: number | undefined
  let isOver = false
  let failed: StreamCapsuleError | undefined

  function takeHead(octet: number): void {
    if (isOver) {
      failed = { reason: 'capsule_after_end' }
      return
    }
    heading[headingLength] = octet
    headingLength += 1
    const kind = readVarint(heading.subarray(0, headingLength), 0)
    const length = kind && readVarint(heading.subarray(0, headingLength), kind.next)
    if (kind === undefined || length === undefined) return
    headingLength = 0
    type = kind.value
    left = length.value
    if (left >= LENGTH_LIMIT) failed = { reason: 'capsule_too_long' }
    else if (left === 0) endCapsule()
  }

  function endCapsule(): void {
    left = undefined
    if (type !== FINAL_DATA) return
    isOver = true
    onEnd()
  }

  /** @returns how many octets it used. */
  function takeValue(octets: Uint8Array, length: number): number {
    const value = octets.subarray(0, length)
    if (type === DATA || type === FINAL_DATA) onData(value)
    left = length - value.length
    if (left === 0) endCapsule()
    return value.length
  }

  function step(chunk: Uint8Array, at: number): number {
    if (left !== undefined) return takeValue(chunk.subarray(at), left)
    takeHead(chunk[at] ?? 0)
    return 1
  }

  return {
    push(chunk) {
      let at = 0
      while (failed === undefined && at < chunk.length) at += step(chunk, at)
      return failed === undefined ? ok(undefined) : err(failed)
    },
  }
}
