/**
 * Seals a file chunk by chunk. It owns no file: each call returns the octets to append.
 * The reader is ./container-parser.ts (no key) and ./container-opener.ts (with a key).
 */
import { type CipherGCM, createCipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'
import { toBase64url } from './bytes.ts'
import { CheckpointSampler, type Checkpoints } from './checkpoints.ts'
import {
  ALGORITHM,
  CHUNK_LIMIT_BYTES,
  chunkNonce,
  encodeChunkHead,
  encodeHead,
  type Header,
  payloadInfo,
  SEAL_CLASSES,
  type SealClass,
  type Subject,
  type WrappedKey,
  wrapInfo,
} from './container-format.ts'
import { TAG_BYTES } from './hpke-schedule.ts'
import { sealBase } from './hpke-seal.ts'
import type { Recipient } from './recipient-key.ts'

/** Who may open what. No `input` or `index`: those of `output`. */
export type RecipientSet = {
  readonly output: readonly Recipient[]
  readonly input?: readonly Recipient[]
  readonly index?: readonly Recipient[]
}

/** The recipients of a class. */
export function recipientsOf(set: RecipientSet, sealClass: SealClass): readonly Recipient[] {
  return set[sealClass] ?? set.output
}

const NO_DATA = new Uint8Array(0)
const KEY_BYTES = 32
/** That of `ALGORITHM`. */
const HASH = 'sha256'

async function wrapKey(
  headerId: string,
  sealClass: SealClass,
  fileKey: Uint8Array,
  { kem, publicKey, fingerprint }: Recipient,
): Promise<WrappedKey> {
  const message = await sealBase(
    { kem, aead: 'aes-256-gcm' },
    { recipient: publicKey, info: wrapInfo(headerId, sealClass), aad: NO_DATA, plaintext: fileKey },
  )
  return {
    recipient: fingerprint,
    kem,
    encapsulated: toBase64url(message.encapsulated),
    ciphertext: toBase64url(message.ciphertext),
  }
}

/**
 * Makes file keys, wraps them and forgets them; only payload keys are kept, in memory.
 * @throws {Error} when a class has no recipient or a header would be too long; the caller checks before.
 */
export async function startContainer(
  subject: Subject,
  recipients: RecipientSet,
): Promise<ContainerWriter> {
  const id = toBase64url(randomBytes(16))
  const fileKeys = SEAL_CLASSES.map(() => randomBytes(KEY_BYTES))
  const wrap = (sealClass: SealClass, index: number) => {
    const wanted = recipientsOf(recipients, sealClass)
    if (wanted.length === 0) throw new Error(`no recipient for ${sealClass}`)
    return Promise.all(wanted.map((one) => wrapKey(id, sealClass, fileKeys[index] ?? NO_DATA, one)))
  }
  const [output, input, index] = await Promise.all([
    wrap('output', 0),
    wrap('input', 1),
    wrap('index', 2),
  ])
  const header = { version: 1, algorithm: ALGORITHM, id, subject, keys: { output, input, index } }
  return new ContainerWriter(header as Header, fileKeys)
}

/** One file being sealed. */
export class ContainerWriter {
  /** To be written first. */
  readonly head: Uint8Array
  readonly header: Header
  readonly #keys: Readonly<Record<SealClass, Uint8Array>>
  readonly #headHash: Uint8Array
  #chain: Uint8Array
  #chunks = 0
  #bytes: number
  #open = true
  readonly #checkpoints = new CheckpointSampler()

  /** Use `startContainer`. @param fileKeys one for each class; overwritten with zeros. */
  constructor(header: Header, fileKeys: readonly Uint8Array[]) {
    this.header = header
    this.head = encodeHead(header)
    this.#bytes = this.head.length
    this.#headHash = createHash(HASH).update(this.head).digest()
    this.#chain = this.#headHash
    const [output, input, index] = SEAL_CLASSES.map((sealClass, place) =>
      derivePayloadKey(fileKeys[place] ?? NO_DATA, this.#headHash, sealClass),
    )
    if (!output || !input || !index) throw new Error('three classes, three keys')
    this.#keys = { output, input, index }
    for (const key of fileKeys) key.fill(0)
  }

  /**
   * Seals one chunk.
   * @param plaintext at most 64 KiB; copied by the cipher, the caller may reuse it.
   * @returns the octets to append, in parts.
   * @throws {Error} after the last chunk, or when `plaintext` is too long.
   */
  seal(
    sealClass: SealClass,
    plaintext: Uint8Array,
    { last = false, groupEnd = true } = {},
  ): readonly Uint8Array[] {
    if (!this.#open || plaintext.length > CHUNK_LIMIT_BYTES) throw new Error('cannot seal this')
    const sealedBytes = plaintext.length + TAG_BYTES
    const chunk = { sealClass, last, groupEnd, sealedBytes, counter: this.#chunks }
    const head = encodeChunkHead(chunk)
    const cipher = createCipheriv('aes-256-gcm', this.#keys[sealClass], chunkNonce(chunk))
    const ciphertext = cipher.setAAD(head).update(plaintext)
    const parts = [head, ciphertext, finish(cipher)]
    this.#account(parts, head.length + sealedBytes)
    if (last) this.erase()
    return parts
  }

  /** Overwrites the payload keys: nothing can be sealed any more. Done by the last chunk too. */
  erase(): void {
    this.#open = false
    for (const sealClass of SEAL_CLASSES) this.#keys[sealClass].fill(0)
  }

  #account(parts: readonly Uint8Array[], sizeBytes: number): void {
    const hash = createHash(HASH).update(this.#chain)
    for (const part of parts) hash.update(part)
    const chain = hash.digest()
    this.#chain = chain
    this.#bytes += sizeBytes
    this.#chunks++
    this.#checkpoints.add(this.#chunks, () => chain.toString('hex'))
  }

  /** What binds all octets so far, for the manifest. */
  get state(): ContainerState {
    return {
      head: Buffer.from(this.#headHash).toString('hex'),
      chain: Buffer.from(this.#chain).toString('hex'),
      chunks: this.#chunks,
      bytes: this.#bytes,
      checkpoints: this.#checkpoints.value,
    }
  }
}

/** Size and hash chain of a file: SHA-256 of the head, then SHA-256(chain so far | chunk) per chunk. Hex. */
export type ContainerState = {
  readonly head: string
  readonly chain: string
  readonly chunks: number
  readonly bytes: number
  readonly checkpoints: Checkpoints
}

function finish(cipher: CipherGCM): Uint8Array {
  cipher.final()
  return cipher.getAuthTag()
}

function derivePayloadKey(fileKey: Uint8Array, headHash: Uint8Array, sealClass: SealClass) {
  return new Uint8Array(hkdfSync('sha256', fileKey, headHash, payloadInfo(sealClass), KEY_BYTES))
}
