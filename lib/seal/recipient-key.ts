/**
 * Keys of those who may open recordings, as text.
 *
 *   public, one line:  zt-recipient:x25519:BASE64URL     (or p256; the point uncompressed)
 *   private, a file:   a JSON Web Key (RFC 7517) with "alg": "zt-recipient-x25519"
 *
 * WebCrypto alone: the same code makes and reads keys in Node and in a browser.
 */
import { z } from 'zod'
import { err, ok, type Result } from '#lib/result'
import { concat, fromBase64url, toBase64url, utf8 } from './bytes.ts'
import { agree, agreementOf } from './hpke-open.ts'
import { KEMS, type Kem } from './hpke-schedule.ts'

const { subtle } = globalThis.crypto

/** Someone a recording can be sealed to. */
export type Recipient = {
  readonly kem: Kem
  /** SerializePublicKey of RFC 9180, section 7.1.1. */
  readonly publicKey: Uint8Array
  /** `SHA256:` and base64url; names the recipient in headers, manifests and messages. */
  readonly fingerprint: string
}

/** The private half; the key itself cannot be exported again. */
export type RecipientKey = Recipient & { readonly privateKey: CryptoKey }

export type RecipientKeyError = { readonly reason: 'bad_recipient' | 'bad_recipient_key' }

const PREFIX = 'zt-recipient'
const KEY_USES: KeyUsage[] = ['deriveBits']

async function fingerprint(kem: Kem, publicKey: Uint8Array): Promise<string> {
  const named = concat([utf8(`${PREFIX}:${kem}:`), publicKey])
  return `SHA256:${toBase64url(new Uint8Array(await subtle.digest('SHA-256', named)))}`
}

/** The public line; `parseRecipient` reads it back. */
export function printRecipient({ kem, publicKey }: Recipient): string {
  return `${PREFIX}:${kem}:${toBase64url(publicKey)}`
}

/** Reads a public line; refuses what is no point of the curve, or of small order. */
export async function parseRecipient(text: string): Promise<Result<Recipient, RecipientKeyError>> {
  const [prefix, kem, encoded = '', ...rest] = text.trim().split(':')
  const publicKey = fromBase64url(encoded)
  if (prefix !== PREFIX || !isKem(kem) || publicKey === undefined || rest.length > 0) {
    return err({ reason: 'bad_recipient' })
  }
  if (!(await isUsable(kem, publicKey))) return err({ reason: 'bad_recipient' })
  return ok({ kem, publicKey, fingerprint: await fingerprint(kem, publicKey) })
}

function isKem(name: string | undefined): name is Kem {
  return name === 'x25519' || name === 'p256'
}

/** Agrees once with a throw-away key: what fails here would fail when the first session is to be recorded. */
async function isUsable(kem: Kem, publicKey: Uint8Array): Promise<boolean> {
  if (publicKey.length !== KEMS[kem].publicKeyBytes) return false
  try {
    await agree(kem, (await generatePair(kem)).privateKey, publicKey)
    return true
  } catch {
    return false
  }
}

async function generatePair(kem: Kem): Promise<CryptoKeyPair> {
  const pair = await subtle.generateKey(agreementOf(kem), true, KEY_USES)
  if (!('privateKey' in pair)) throw new Error('WebCrypto made no key pair')
  return pair
}

/** Makes a key pair. `privateText` belongs in a file of mode 0600 that no gateway ever sees. */
export async function generateRecipientKey(
  kem: Kem,
): Promise<{ readonly recipient: Recipient; readonly privateText: string }> {
  const pair = await generatePair(kem)
  const publicKey = new Uint8Array(await subtle.exportKey('raw', pair.publicKey))
  const { kty, crv, x, y, d } = await subtle.exportKey('jwk', pair.privateKey)
  const jwk = { kty, crv, x, ...(y === undefined ? {} : { y }), d, alg: `${PREFIX}-${kem}` }
  const recipient = { kem, publicKey, fingerprint: await fingerprint(kem, publicKey) }
  return { recipient, privateText: `${JSON.stringify(jwk, null, 2)}\n` }
}

const coordinate = z.string().length(43)
const privateJwk = z.discriminatedUnion('alg', [
  z.strictObject({
    alg: z.literal(`${PREFIX}-x25519`),
    kty: z.literal('OKP'),
    crv: z.literal('X25519'),
    x: coordinate,
    d: coordinate,
  }),
  z.strictObject({
    alg: z.literal(`${PREFIX}-p256`),
    kty: z.literal('EC'),
    crv: z.literal('P-256'),
    x: coordinate,
    y: coordinate,
    d: coordinate,
  }),
])

/** Reads a private key file. The error never repeats its content. */
export async function parseRecipientKey(
  text: string,
): Promise<Result<RecipientKey, RecipientKeyError>> {
  const parsed = privateJwk.safeParse(parseJson(text))
  if (!parsed.success) return err({ reason: 'bad_recipient_key' })
  const { alg, ...jwk } = parsed.data
  const kem = alg === 'zt-recipient-x25519' ? 'x25519' : 'p256'
  const publicKey = publicOctets(parsed.data)
  if (publicKey === undefined) return err({ reason: 'bad_recipient_key' })
  try {
    const privateKey = await subtle.importKey('jwk', jwk, agreementOf(kem), false, KEY_USES)
    const print = await fingerprint(kem, publicKey)
    return ok({ kem, publicKey, privateKey, fingerprint: print })
  } catch {
    return err({ reason: 'bad_recipient_key' })
  }
}

function publicOctets(jwk: z.infer<typeof privateJwk>): Uint8Array | undefined {
  const x = fromBase64url(jwk.x)
  if (jwk.kty === 'OKP') return x
  const y = fromBase64url(jwk.y)
  return x && y && concat([Uint8Array.of(4), x, y])
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
