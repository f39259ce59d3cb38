/**
 * Datagrams as capsules on a byte stream (RFC 9297 section 3.2), with the payloads of RFC 9298 section 5:
 *
 *   type varint = 0 | length varint | context id varint = 0 | payload
 *
 * Capsules of other types and payloads of other contexts are skipped, however long, and take no memory.
 */
import { err, ok, type Result } from '#lib/result'
import { readVarint, VARINT_OCTETS, varintLength, writeVarint } from './varint.ts'

/** Longest payload (RFC 9298 section 5): what a UDP header can count. */
export const PAYLOAD_LIMIT = 65_527
const DATAGRAM = 0
const CONTEXT = 0
const HEAD_LIMIT = 2 * VARINT_OCTETS
const VALUE_LIMIT = PAYLOAD_LIMIT + VARINT_OCTETS

export type CapsuleError = { readonly reason: 'capsule_too_long' | 'capsule_malformed' }

export interface CapsuleReader {
  /** Takes the next octets of the stream; how they are split changes nothing. After an error every call gives it again. */
  push(chunk: Uint8Array): Result<void, CapsuleError>
  /** Whether the stream may end here: else its last capsule was cut off, and it is malformed. */
  readonly isWhole: boolean
}

/** One datagram as a capsule; the payload is copied. @param payload at most `PAYLOAD_LIMIT` octets. */
export function encodeDatagram(payload: Uint8Array): Buffer {
  const length = payload.length + 1
  const capsule = Buffer.allocUnsafe(1 + varintLength(length) + length)
  const at = writeVarint(capsule, length, writeVarint(capsule, DATAGRAM, 0))
  capsule.set(payload, writeVarint(capsule, CONTEXT, at))
  return capsule
}

/** @param onDatagram gets each payload; the view is valid during the call only. */
export function createCapsuleReader(onDatagram: (payload: Uint8Array) => void): CapsuleReader {
  const head = Buffer.alloc(HEAD_LIMIT)
  let headLength = 0
  /** The value of a capsule that began in an earlier chunk. */
  let value: { readonly octets: Buffer; filled: number } | undefined
  let skipping = 0
  let failed: CapsuleError | undefined

  function take(octets: Uint8Array): void {
    const context = readVarint(octets, 0)
    if (context === undefined) failed = { reason: 'capsule_malformed' }
    else if (context.value === CONTEXT) takePayload(octets.subarray(context.next))
  }
  function takePayload(payload: Uint8Array): void {
    if (payload.length > PAYLOAD_LIMIT) failed = { reason: 'capsule_too_long' }
    else onDatagram(payload)
  }
  /** @returns how many octets it used; each of these does. */
  function goOnWith(chunk: Uint8Array): number {
    if (skipping > 0) return skip(chunk)
    return value === undefined ? takeHead(chunk) : fill(value, chunk)
  }
  function skip(chunk: Uint8Array): number {
    const used = Math.min(skipping, chunk.length)
    skipping -= used
    return used
  }
  function fill(into: { readonly octets: Buffer; filled: number }, chunk: Uint8Array): number {
    const more = chunk.subarray(0, into.octets.length - into.filled)
    into.octets.set(more, into.filled)
    into.filled += more.length
    if (into.filled === into.octets.length) {
      value = undefined
      take(into.octets)
    }
    return more.length
  }
  function takeHead(chunk: Uint8Array): number {
    head[headLength] = chunk[0] ?? 0
    headLength += 1
    const type = readVarint(head.subarray(0, headLength), 0)
    const length = type && readVarint(head.subarray(0, headLength), type.next)
    if (type === undefined || length === undefined) return 1
    headLength = 0
    return 1 + begin(type.value, length.value, chunk.subarray(1))
  }
  function begin(type: number, length: number, rest: Uint8Array): number {
    if (!Number.isSafeInteger(length) || (type === DATAGRAM && length > VALUE_LIMIT)) {
      failed = { reason: 'capsule_too_long' }
      return 0
    }
    if (type !== DATAGRAM) {
      skipping = length
      return 0
    }
    if (rest.length < length) {
      value = { octets: Buffer.allocUnsafe(length), filled: 0 }
      return 0
    }
    take(rest.subarray(0, length))
    return length
  }

  return {
    push(chunk) {
      let at = 0
      while (failed === undefined && at < chunk.length) at += goOnWith(chunk.subarray(at))
      return failed === undefined ? ok(undefined) : err(failed)
    },
    get isWhole() {
      return headLength === 0 && value === undefined && skipping === 0
    },
  }
}
