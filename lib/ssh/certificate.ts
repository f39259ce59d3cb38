/**
 * OpenSSH certificates: parse and verify (OpenSSH PROTOCOL.certkeys). What one permits is ./certificate-check.ts.
 *
 *   string type, string nonce, key fields, uint64 serial, uint32 kind, string key id, string principals,
 *   uint64 valid after, uint64 valid before, string critical options, string extensions, string reserved,
 *   string authority, string signature over all before it
 */
import { err, ok, type Result } from '#lib/result'
import { KEY_TYPE_BY_CERTIFICATE_TYPE } from './key-algorithms.ts'
import { type PublicKey, parsePublicKey, readKeyFields } from './public-key.ts'
import { SshReader } from './reader.ts'
import { verifySignature } from './signature.ts'

export type CertificateKind = 'user' | 'host'

/** A certificate whose authority's signature holds. That the authority is trusted is not checked yet. */
export type Certificate = {
  /** As received, whole. */
  readonly blob: Buffer
  /** The certified key. */
  readonly key: PublicKey
  readonly serial: bigint
  readonly kind: CertificateKind
  readonly keyId: string
  readonly principals: readonly string[]
  /** Unix seconds, inclusive. */
  readonly validAfter: bigint
  /** Unix seconds, exclusive. */
  readonly validBefore: bigint
  /** Option data by name, still encoded. */
  readonly criticalOptions: ReadonlyMap<string, Buffer>
  readonly extensions: ReadonlyMap<string, Buffer>
  /** Plain key that signed; never itself a certificate (T22). */
  readonly authority: PublicKey
}

export type CertificateError = {
  readonly reason:
    | 'not_a_certificate'
    | 'malformed_certificate'
    | 'bad_certified_key'
    | 'bad_authority_key'
    | 'bad_authority_signature'
}

/** As OpenSSH's own limit (sshkey.c, SSHKEY_CERT_MAX_PRINCIPALS). */
const PRINCIPALS_LIMIT = 256
/** OpenSSH defines five of each. */
const OPTIONS_LIMIT = 64
const KINDS: ReadonlyMap<number, CertificateKind> = new Map([
  [1, 'user'],
  [2, 'host'],
])

/** Whether a blob claims to be a certificate; nothing is verified. */
export function isCertificateBlob(blob: Buffer): boolean {
  return KEY_TYPE_BY_CERTIFICATE_TYPE.has(new SshReader(blob).string().toString('latin1'))
}

/** @returns the certificate, its signature verified, or why there is none. Never throws. */
export function parseCertificate(blob: Buffer): Result<Certificate, CertificateError> {
  const reader = new SshReader(blob)
  const keyType = KEY_TYPE_BY_CERTIFICATE_TYPE.get(reader.text())
  if (keyType === undefined) return err({ reason: 'not_a_certificate' })
  reader.string() // the nonce only makes the signed data unpredictable
  const key = readKeyFields(keyType, reader)
  if (!key.ok) return err({ reason: 'bad_certified_key' })
  const body = readBody(reader)
  const signed = blob.subarray(0, reader.position)
  const signature = reader.string()
  if (body === undefined || !reader.complete) return err({ reason: 'malformed_certificate' })

  const authority = parsePublicKey(body.authority)
  if (!authority.ok) return err({ reason: 'bad_authority_key' })
  const verified = verifySignature(authority.value, signature, signed)
  if (!verified.ok) return err({ reason: 'bad_authority_signature' })
  return ok({ ...body, blob, key: key.value, authority: authority.value })
}

type Body = Omit<Certificate, 'blob' | 'key' | 'authority'> & { readonly authority: Buffer }

function readBody(reader: SshReader): Body | undefined {
  const serial = reader.uint64()
  const kind = KINDS.get(reader.uint32())
  const keyId = reader.text()
  const principals = readPrincipals(reader.string())
  const validAfter = reader.uint64()
  const validBefore = reader.uint64()
  const criticalOptions = readOptions(reader.string())
  const extensions = readOptions(reader.string())
  reader.string() // reserved
  const authority = reader.string()
  if (!kind || !principals || !criticalOptions || !extensions || reader.failed) return undefined
  const times = { validAfter, validBefore }
  return { serial, kind, keyId, principals, ...times, criticalOptions, extensions, authority }
}

function readPrincipals(list: Buffer): readonly string[] | undefined {
  const reader = new SshReader(list)
  const principals: string[] = []
  while (reader.hasMore && principals.length <= PRINCIPALS_LIMIT) principals.push(reader.text())
  return reader.complete && principals.length <= PRINCIPALS_LIMIT ? principals : undefined
}

/** Names must rise strictly: a repeated option would be read differently by different programs. */
function readOptions(list: Buffer): ReadonlyMap<string, Buffer> | undefined {
  const reader = new SshReader(list)
  const options = new Map<string, Buffer>()
  let previous = ''
  while (reader.hasMore && options.size <= OPTIONS_LIMIT) {
    const name = reader.text()
    const data = reader.string()
    if (name <= previous) return undefined
    options.set(name, data)
    previous = name
  }
  return reader.complete && options.size <= OPTIONS_LIMIT ? options : undefined
}
