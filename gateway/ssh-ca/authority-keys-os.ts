/** Private keys of SSH authorities: files in the folder of keys, or an agent that signs for us. */
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { err, ok, type Result } from '#lib/result'
import { listAgentKeys, signByAgent } from '#lib/ssh/agent-client'
import { AuthorityUnavailable, type CertificateSigner } from '#lib/ssh/certificate-mint'
import { readPrivateKey } from '#lib/ssh/private-key'
import { fingerprint, parsePublicKey, publicKeyBlob } from '#lib/ssh/public-key'
import { signerFor } from '#lib/ssh/signature'
import { type KeyRefusal, readPrivateFile } from '../keys/key-store.ts'
import type { Custody, SshAuthority, SshAuthorityName } from './ssh-authority.ts'
import { blobOf } from './ssh-revocation.ts'

/** Where the next key of an authority comes from. */
export type KeySource =
  | { readonly kind: 'generate'; readonly type: 'ed25519' | 'ecdsa' }
  /** A private key without a passphrase: text of an OpenSSH or PEM file. */
  | { readonly kind: 'key'; readonly text: string }
  | { readonly kind: 'agent'; readonly socket: string; readonly fingerprint: string }

/** Why a source gives no key. */
export type SourceRefusal =
  | 'unsuitable_key'
  | 'agent_unreachable'
  | 'no_such_agent_key'
  | 'encrypted_private_key'
  | 'bad_private_key'
  | 'unsupported_private_key'

/** A key that can sign. */
export type Obtained = {
  readonly blob: Buffer
  /** Type of the key. */
  readonly type: string
  /** Absent: an agent's. */
  readonly key?: KeyObject
  readonly socket?: string
}

/** A Unix socket; sun_path has 108 octets. */
const AGENT_PATH = /^\/[^\0]{1,106}$/

/** Opens the key of an authority that signs. */
export function openSigner(
  dir: string,
  authority: SshAuthority,
): Result<CertificateSigner, KeyRefusal> {
  const { custody, id } = authority
  if (custody.kind === 'agent') return ok(agentSigner(custody.socket, blobOf(authority)))
  const file = join(dir, custody.file)
  const key = readKeyFile(file)
  if (!key.ok) return key
  const signer = signerFor(key.value)
  if (fingerprint(signer.blob) === id) return ok(signer)
  return err({ reason: 'bad_key', message: `${file} holds another key than the store says` })
}

function agentSigner(socket: string, blob: Buffer): CertificateSigner {
  return {
    blob,
    async sign(data) {
      const signed = await signByAgent(socket, blob, data)
      if (signed.ok) return signed.value
      throw new AuthorityUnavailable(`agent ${socket}: ${signed.error.reason}`)
    },
  }
}

/** Reads a private key that only its owner may read. */
export function readKeyFile(path: string): Result<KeyObject, KeyRefusal> {
  const file = readPrivateFile(path)
  if (!file.ok) return file
  const key = readPrivateKey(file.value.toString())
  return key.ok ? key : err({ reason: 'bad_key', message: `${path} cannot be read as a key` })
}

/** Takes a key from its source; nothing is kept yet. */
export async function obtain(source: KeySource): Promise<Result<Obtained, SourceRefusal>> {
  if (source.kind === 'agent') return obtainFromAgent(source)
  const read = source.kind === 'key' ? readPrivateKey(source.text) : ok(generate(source.type))
  if (!read.ok) return err(read.error.reason)
  const blob = publicKeyBlob(createPublicKey(read.value))
  // Reading it again applies the rules for keys of others: no short RSA.
  const parsed = parsePublicKey(blob)
  if (!parsed.ok) return err('unsuitable_key')
  return ok({ blob, type: parsed.value.type, key: read.value })
}

async function obtainFromAgent({
  socket,
  fingerprint: wanted,
}: Extract<KeySource, { readonly kind: 'agent' }>): Promise<Result<Obtained, SourceRefusal>> {
  if (!AGENT_PATH.test(socket)) return err('agent_unreachable')
  const keys = await listAgentKeys(socket)
  if (!keys.ok) return err('agent_unreachable')
  const held = keys.value.find(({ blob }) => fingerprint(blob) === wanted)
  const key = held && parsePublicKey(held.blob)
  if (key?.ok !== true) return err('no_such_agent_key')
  // A key that needs a touch for each signature has no place here.
  if (key.value.type.startsWith('sk-')) return err('unsuitable_key')
  const { blob, type } = key.value
  const tried = await signByAgent(socket, blob, Buffer.from('zt asks whether this key signs'))
  return tried.ok ? ok({ blob, type, socket }) : err('agent_unreachable')
}

function generate(type: 'ed25519' | 'ecdsa'): KeyObject {
  return type === 'ed25519'
    ? generateKeyPairSync('ed25519').privateKey
    : generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
}

/** Writes a private key that is ours to keep; nothing is overwritten. */
export function keepKey(
  dir: string,
  name: SshAuthorityName,
  { blob, key, socket }: Obtained,
): Custody {
  if (key === undefined) return { kind: 'agent', socket: socket ?? '' }
  const plain = `ssh-${name}-ca.key`
  const digest = Buffer.from(fingerprint(blob).slice('SHA256:'.length), 'base64').toString('hex')
  const file = existsSync(join(dir, plain)) ? `ssh-${name}-ca-${digest.slice(0, 16)}.key` : plain
  const pem = key.export({ type: 'pkcs8', format: 'pem' })
  writeFileSync(join(dir, file), pem, { mode: 0o600, flag: 'wx', flush: true })
  return { kind: 'file', file }
}
