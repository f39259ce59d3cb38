/**
 * Opens chunks of a sealed file with recipients' private keys. WebCrypto alone: Node and browser.
 */
import { err, ok, type Result } from '#lib/result'
import { fromBase64url, utf8 } from './bytes.ts'
import {
  chunkNonce,
  type Header,
  hashOf,
  payloadInfo,
  SEAL_CLASSES,
  type SealClass,
  type WrappedKey,
  wrapInfo,
} from './container-format.ts'
import type { Chunk } from './container-parser.ts'
import { openBase } from './hpke-open.ts'
import type { RecipientKey } from './recipient-key.ts'

const { subtle } = globalThis.crypto
const NO_DATA = utf8('')

/** `not_a_recipient`: no key given is named in the header. `bad_wrapped_key`: named, but it does not open. */
export type UnlockError = { readonly reason: 'not_a_recipient' | 'bad_wrapped_key' }

/** Payload keys of the classes that the given private keys open. */
export type Opener = {
  readonly classes: readonly SealClass[]
  /** The plaintext; undefined when the chunk was changed, moved or taken from elsewhere. */
  open(chunk: Chunk): Promise<Uint8Array | undefined>
}

/** Unwraps the file keys of a header. @param head all octets before the first chunk. */
export async function unlock(
  { header, bytes }: { readonly header: Header; readonly bytes: Uint8Array },
  keys: readonly RecipientKey[],
): Promise<Result<Opener, UnlockError>> {
  const headHash = new Uint8Array(await subtle.digest(hashOf(header), bytes))
  const payloadKeys = new Map<SealClass, CryptoKey>()
  for (const sealClass of SEAL_CLASSES) {
    const [key, wrapped] = match(header.keys[sealClass], keys)
    if (!key || !wrapped) continue
    const fileKey = await unwrap(header.id, sealClass, key, wrapped)
    if (!fileKey) return err({ reason: 'bad_wrapped_key' })
    payloadKeys.set(sealClass, await derivePayloadKey(fileKey, headHash, sealClass))
    fileKey.fill(0)
  }
  if (payloadKeys.size === 0) return err({ reason: 'not_a_recipient' })
  const classes = [...payloadKeys.keys()]
  return ok({ classes, open: (chunk) => openChunk(payloadKeys.get(chunk.sealClass), chunk) })
}

function match(
  wrapped: readonly WrappedKey[],
  keys: readonly RecipientKey[],
): readonly [RecipientKey?, WrappedKey?] {
  for (const key of keys) {
    const found = wrapped.find((one) => one.recipient === key.fingerprint && one.kem === key.kem)
    if (found) return [key, found]
  }
  return []
}

async function unwrap(
  headerId: string,
  sealClass: SealClass,
  key: RecipientKey,
  wrapped: WrappedKey,
): Promise<Uint8Array | undefined> {
  const encapsulated = fromBase64url(wrapped.encapsulated)
  const ciphertext = fromBase64url(wrapped.ciphertext)
  if (!encapsulated || !ciphertext) return undefined
  const suite = { kem: key.kem, aead: 'aes-256-gcm' } as const
  const info = wrapInfo(headerId, sealClass)
  return openBase(suite, key, { encapsulated, ciphertext }, info, NO_DATA)
}

async function derivePayloadKey(
  fileKey: Uint8Array,
  headHash: Uint8Array,
  sealClass: SealClass,
): Promise<CryptoKey> {
  const imported = await subtle.importKey('raw', fileKey, 'HKDF', false, ['deriveKey'])
  const info = payloadInfo(sealClass)
  const derivation = { name: 'HKDF', hash: 'SHA-256', salt: headHash, info }
  return subtle.deriveKey(derivation, imported, { name: 'AES-GCM', length: 256 }, false, [
    'decrypt',
  ])
}

async function openChunk(
  key: CryptoKey | undefined,
  chunk: Chunk,
): Promise<Uint8Array | undefined> {
  if (!key) return undefined
  const parameters = { name: 'AES-GCM', iv: chunkNonce(chunk), additionalData: chunk.head }
  try {
    return new Uint8Array(await subtle.decrypt(parameters, key, chunk.sealed))
  } catch {
    return undefined // a tag that does not fit is a finding, not a fault
  }
}
