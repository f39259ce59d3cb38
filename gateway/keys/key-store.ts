/**
 * Reads the gateway's keys at start; ./new-keys-store.ts made them. A folder of mode 0700, files of mode 0600;
 * anything looser is refused, since somebody else may have read or replaced it.
 */
import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  type KeyObject,
  X509Certificate,
} from 'node:crypto'
import { lstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { err, ok, type Result } from '#lib/result'
import { type Authority, type GatewayKeys, HOST_SEED_OCTETS } from './gateway-keys.ts'

/** Why the keys are not used; `message` names the file and the remedy. */
export type KeyRefusal = {
  readonly reason: 'missing' | 'bad_mode' | 'bad_owner' | 'bad_key'
  readonly message: string
}

/** Reads every key, or says what is wrong with the first that cannot be used. */
export function loadKeys(dir: string): Result<GatewayKeys, KeyRefusal> {
  try {
    requirePrivate(dir, 'directory')
    return ok({
      gatewayCa: loadAuthority(dir, 'gateway-ca'),
      deviceCa: loadAuthority(dir, 'device-ca'),
      tokenSigning: loadPrivate(dir, 'token-signing.key', 'ec'),
      evidenceSigning: loadPrivate(dir, 'evidence-signing.key', 'ec'),
      hostSeed: loadSeed(dir, 'host-seed.key'),
      recipientsSigner: loadPublic(dir, 'recipients-signer.pub', 'ed25519'),
    })
  } catch (error) {
    if (error instanceof Refused) return err(error.refusal)
    throw error
  }
}

/**
 * Reads a file that only its owner may read.
 * @returns its octets, or the reason it is not trusted.
 */
export function readPrivateFile(path: string): Result<Buffer, KeyRefusal> {
  try {
    return ok(readTrusted(path))
  } catch (error) {
    if (error instanceof Refused) return err(error.refusal)
    throw error
  }
}

/** Carries a refusal out of the readers below; never leaves this file. */
class Refused extends Error {
  readonly refusal: KeyRefusal
  constructor(reason: KeyRefusal['reason'], message: string) {
    super(message)
    this.refusal = { reason, message }
  }
}

function readTrusted(path: string): Buffer {
  requirePrivate(path, 'file')
  return readFileSync(path)
}

function requirePrivate(path: string, kind: 'directory' | 'file'): void {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat === undefined)
    throw new Refused('missing', `${path} does not exist; run "zt-gateway init"`)
  if (kind === 'file' ? !stat.isFile() : !stat.isDirectory()) {
    throw new Refused('bad_key', `${path} is not a ${kind}`)
  }
  if ((stat.mode & 0o077) !== 0) {
    const wanted = kind === 'file' ? '0600' : '0700'
    throw new Refused('bad_mode', `${path} is open to other users; run "chmod ${wanted} ${path}"`)
  }
  if (stat.uid !== process.geteuid?.()) {
    throw new Refused(
      'bad_owner',
      `${path} belongs to another user than the one that runs the gateway`,
    )
  }
}

function loadAuthority(dir: string, name: string): Authority {
  const key = loadPrivate(dir, `${name}.key`, 'ec')
  const file = join(dir, `${name}.crt`)
  const certificatePem = readTrusted(file).toString()
  const isOurs = parse(file, () => new X509Certificate(certificatePem).checkPrivateKey(key))
  if (!isOurs) throw new Refused('bad_key', `${file} is not the certificate of ${name}.key`)
  return { certificatePem, key }
}

function loadPrivate(dir: string, name: string, type: 'ec' | 'ed25519'): KeyObject {
  const file = join(dir, name)
  const pem = readTrusted(file)
  return requireType(
    file,
    parse(file, () => createPrivateKey(pem)),
    type,
  )
}

function loadPublic(dir: string, name: string, type: 'ed25519'): KeyObject {
  const file = join(dir, name)
  const pem = readTrusted(file)
  return requireType(
    file,
    parse(file, () => createPublicKey(pem)),
    type,
  )
}

function requireType(file: string, key: KeyObject, type: 'ec' | 'ed25519'): KeyObject {
  if (key.asymmetricKeyType !== type) throw new Refused('bad_key', `${file} is no ${type} key`)
  return key
}

function loadSeed(dir: string, name: string): KeyObject {
  const file = join(dir, name)
  const seed = readTrusted(file)
  if (seed.length !== HOST_SEED_OCTETS) {
    throw new Refused('bad_key', `${file} does not hold ${HOST_SEED_OCTETS} octets`)
  }
  return createSecretKey(seed)
}

function parse<T>(file: string, read: () => T): T {
  try {
    return read()
  } catch {
    // OpenSSL's text may quote the input: it is left out.
    throw new Refused('bad_key', `${file} cannot be read as a key`)
  }
}
