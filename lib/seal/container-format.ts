/**
 * Layout of a sealed file, for writer and reader. Written out in docs/reference/recording-format.md.
 *
 *   "ZTREC1\n" | u32 length of header | header, JSON | chunk | chunk | …
 *   chunk: u8 class | u8 flags | u16 zero | u32 length of ciphertext and tag | u64 counter | ciphertext | tag
 */
import { z } from 'zod'
import { concat, utf8 } from './bytes.ts'
import { NONCE_BYTES, TAG_BYTES } from './hpke-schedule.ts'

/** Names every algorithm in a new file; another set of them is another id. */
export const ALGORITHM = 'hpke-base+hkdf-sha256+aes-256-gcm+sha-256'
/** What new files had before; readers take both. */
const ALGORITHM_SHA512 = 'hpke-base+hkdf-sha256+aes-256-gcm+sha-512'

export const MAGIC = utf8('ZTREC1\n')
export const PREFIX_BYTES = MAGIC.length + 4
export const CHUNK_HEAD_BYTES = 16
/** Plaintext of one chunk: what a reader must hold before it can trust any of it. */
export const CHUNK_LIMIT_BYTES = 65_536
/** Room for about 300 recipients. */
export const HEADER_LIMIT_BYTES = 131_072

/** What is sealed together. A class has its own file key and its own recipients; its number is its place plus one. */
export const SEAL_CLASSES = ['output', 'input', 'index'] as const
export type SealClass = (typeof SEAL_CLASSES)[number]

/** Flags of a chunk: the last of the file; the last of a group that was sealed at one time. */
const LAST = 1
const GROUP_END = 2

/** What stands before the ciphertext of a chunk, in the clear but authenticated. */
export type ChunkHead = {
  readonly sealClass: SealClass
  readonly last: boolean
  readonly groupEnd: boolean
  /** Ciphertext and tag. */
  readonly sealedBytes: number
  /** One counter over all classes, from 0. */
  readonly counter: number
}

/** The file key of a class, sealed to one recipient. Octets in base64url. */
const wrappedKey = z.strictObject({
  recipient: z.string().max(64),
  kem: z.enum(['x25519', 'p256']),
  encapsulated: z.string().max(128),
  ciphertext: z.string().max(128),
})

const headerSchema = z.strictObject({
  version: z.literal(1),
  algorithm: z.enum([ALGORITHM, ALGORITHM_SHA512]),
  /** 16 random octets: binds wrapped keys to this file. */
  id: z.string().length(22),
  subject: z.record(z.string().max(64), z.union([z.string(), z.number()])),
  keys: z.strictObject({
    output: z.array(wrappedKey).min(1).max(100),
    input: z.array(wrappedKey).min(1).max(100),
    index: z.array(wrappedKey).min(1).max(100),
  }),
})

export type WrappedKey = Readonly<z.infer<typeof wrappedKey>>

/** Who, where, when: names and numbers that stand outside the seal. */
export type Subject = Readonly<Record<string, string | number>>

export type Header = {
  readonly version: 1
  readonly algorithm: typeof ALGORITHM | typeof ALGORITHM_SHA512
  readonly id: string
  readonly subject: Subject
  readonly keys: Readonly<Record<SealClass, readonly WrappedKey[]>>
}

/** The hash of head and chain, as WebCrypto names it. */
export function hashOf({ algorithm }: Header): 'SHA-256' | 'SHA-512' {
  return algorithm === ALGORITHM ? 'SHA-256' : 'SHA-512'
}

/** Everything before the first chunk. @throws {RangeError} when it is longer than a reader takes. */
export function encodeHead(header: Header): Uint8Array {
  const json = utf8(JSON.stringify(header))
  if (json.length > HEADER_LIMIT_BYTES) throw new RangeError('header too long')
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, json.length)
  return concat([MAGIC, length, json])
}

/** Reads the JSON of a header; undefined when it is not exactly one. */
export function parseHeader(json: Uint8Array): Header | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(json)
    const parsed = headerSchema.safeParse(JSON.parse(text))
    return parsed.success ? parsed.data : undefined
  } catch {
    return undefined
  }
}

/** The 16 octets before a ciphertext, which are also its additional data. */
export function encodeChunkHead(head: ChunkHead): Uint8Array {
  const bytes = new Uint8Array(CHUNK_HEAD_BYTES)
  const view = new DataView(bytes.buffer)
  bytes[0] = SEAL_CLASSES.indexOf(head.sealClass) + 1
  bytes[1] = (head.last ? LAST : 0) | (head.groupEnd ? GROUP_END : 0)
  view.setUint32(4, head.sealedBytes)
  view.setBigUint64(8, BigInt(head.counter))
  return bytes
}

/** Reads 16 octets; undefined when a writer could not have made them. */
export function parseChunkHead(bytes: Uint8Array): ChunkHead | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, CHUNK_HEAD_BYTES)
  const sealClass = SEAL_CLASSES[view.getUint8(0) - 1]
  const flags = view.getUint8(1)
  const sealedBytes = view.getUint32(4)
  const counter = Number(view.getBigUint64(8))
  if (sealClass === undefined || flags > (LAST | GROUP_END) || view.getUint16(2) !== 0) {
    return undefined
  }
  if (sealedBytes < TAG_BYTES || sealedBytes > CHUNK_LIMIT_BYTES + TAG_BYTES) return undefined
  if (!Number.isSafeInteger(counter)) return undefined
  const last = (flags & LAST) !== 0
  const groupEnd = (flags & GROUP_END) !== 0
  // The end of the file ends its group too, and is always in the index, where an empty chunk costs nothing.
  if (last && !(groupEnd && sealClass === 'index')) return undefined
  return { sealClass, last, groupEnd, sealedBytes, counter }
}

/** STREAM nonce (as in age): 11 octets of counter, then 1 for the last chunk. */
export function chunkNonce({ counter, last }: Pick<ChunkHead, 'counter' | 'last'>): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES)
  new DataView(nonce.buffer).setBigUint64(3, BigInt(counter))
  nonce[11] = last ? 1 : 0
  return nonce
}

/** HPKE `info` of the wrapped key of a class: a key moved to another file or class opens nothing. */
export function wrapInfo(headerId: string, sealClass: SealClass): Uint8Array {
  return utf8(`zt recording v1 file key ${headerId} ${sealClass}`)
}

/** HKDF `info` of the payload key of a class; the salt is the hash of the whole head. */
export function payloadInfo(sealClass: SealClass): Uint8Array {
  return utf8(`zt recording v1 payload ${sealClass}`)
}
