/** What the gateway's two SSH authorities certify: a user for one login at one target, and the name of one target. */
import { generateKeyPairSync } from 'node:crypto'
import { parseAddress } from '#lib/net/address'
import { parseHostName } from '#lib/net/host'
import { err, ok, type Result } from '#lib/result'
import { type CertificateSigner, randomSerial, requestCertificate } from '#lib/ssh/certificate-mint'
import { certificateName } from '#lib/ssh/key-algorithms'
import { type SshSigner, signerFor } from '#lib/ssh/signature'
import { parseUnixUser } from '#lib/ssh/unix-user'
import type { HostKey } from '../transport/transport-types.ts'
import type { OwnKeyType } from './host-key.ts'

/** What a target's sshd permits to the holder; absent means refused there too. */
export type TargetExtension =
  | 'permit-pty'
  | 'permit-user-rc'
  | 'permit-port-forwarding'
  | 'permit-agent-forwarding'
  | 'permit-X11-forwarding'

/** A login to be certified. */
export type TargetLogin = {
  /** The ssh-user-ca. */
  readonly authority: CertificateSigner
  /** Email of the user behind the tunnel, or name of the service. */
  readonly userEmail: string
  readonly sessionId: string
  /** Becomes the only principal. */
  readonly unixUser: string
  readonly extensions: readonly TargetExtension[]
  /** Address from which the target sees us, canonical text; absent when a connector's is not known. */
  readonly sourceAddress?: string
  /** Kind of the fresh key. Default: ed25519. */
  readonly ownKeys?: OwnKeyType | undefined
  readonly nowSeconds: number
  /** How long after now it is good; default 180, at most 600, for targets whose clocks are wrong. */
  readonly lifetimeSeconds?: number
}

/** A key that exists for this login only, and its certificate. */
export type TargetCredential = {
  readonly certificate: Buffer
  readonly signer: SshSigner
  readonly serial: bigint
  readonly keyId: string
  readonly authority: { readonly blob: Buffer }
  readonly validAfterSeconds: number
  readonly validBeforeSeconds: number
}

const SECONDS_BEFORE_NOW = 300
const LIFETIME_SECONDS = { usual: 180, most: 600 }
const HOST_LIFETIME_SECONDS = 24 * 3600

/**
 * Certifies a fresh key for one login.
 * @returns the credential, or why nobody gets one: the UNIX user is no plain name (T26), or the address is none.
 */
export async function mintTargetCredential(
  login: TargetLogin,
): Promise<Result<TargetCredential, { readonly reason: 'bad_unix_user' | 'bad_source_address' }>> {
  const unixUser = parseUnixUser(login.unixUser)
  if (!unixUser.ok) return unixUser
  const { sourceAddress } = login
  if (sourceAddress !== undefined && !parseAddress(sourceAddress).ok) {
    return err({ reason: 'bad_source_address' })
  }
  const lifetime = Math.min(login.lifetimeSeconds ?? LIFETIME_SECONDS.usual, LIFETIME_SECONDS.most)
  const validAfterSeconds = login.nowSeconds - SECONDS_BEFORE_NOW
  const validBeforeSeconds = login.nowSeconds + lifetime
  const signer = signerFor(
    login.ownKeys === 'ecdsa'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
      : generateKeyPairSync('ed25519').privateKey,
  )
  const serial = randomSerial()
  const keyId = `${keyIdPrefix(login.userEmail)}${login.sessionId}`
  const { authority } = login
  const certificate = await requestCertificate({
    subject: signer.blob,
    authority,
    kind: 'user',
    keyId,
    principals: [unixUser.value],
    validAfterSeconds,
    validBeforeSeconds,
    serial,
    extensions: login.extensions,
    ...(sourceAddress === undefined
      ? {}
      : { criticalOptions: { 'source-address': sourceAddress } }),
  })
  const mark = { serial, keyId, authority: { blob: authority.blob } }
  return ok({ certificate, signer, ...mark, validAfterSeconds, validBeforeSeconds })
}

/** `zt:<user>:`, with which every key id of ours for this user begins, and of no other user. */
export function keyIdPrefix(userEmail: string): string {
  const octets = Buffer.from(userEmail).toString('latin1')
  const user = octets.replaceAll(/[^A-Za-z0-9._+@-]/g, (octet) => {
    return `%${octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
  })
  return `zt:${user}:`
}

/** A host key to be certified. */
export type HostNames = {
  /** The ssh-host-ca. */
  readonly authority: CertificateSigner
  /** The raw key of this one target. */
  readonly hostKey: HostKey
  /** The flow's name first, then its short forms and address: all the user may have typed. */
  readonly names: readonly string[]
  readonly nowSeconds: number
}

/**
 * Certifies the key of one target for the names of that target.
 * @returns the key under its certificate, or `bad_host` when a name is neither host name nor address (T27).
 */
export async function mintHostCertificate(
  order: HostNames,
): Promise<Result<HostKey, { readonly reason: 'bad_host' }>> {
  const { hostKey, names, nowSeconds } = order
  const isName = (name: string) => parseHostName(name).ok || parseAddress(name).ok
  if (names.length === 0 || !names.every(isName)) return err({ reason: 'bad_host' })
  const blob = await requestCertificate({
    subject: hostKey.blob,
    authority: order.authority,
    kind: 'host',
    keyId: `zt-host:${names[0]}`,
    principals: [...new Set(names)],
    validAfterSeconds: nowSeconds - SECONDS_BEFORE_NOW,
    validBeforeSeconds: nowSeconds + HOST_LIFETIME_SECONDS,
    serial: randomSerial(),
  })
  return ok({ ...hostKey, algorithm: certificateName(hostKey.algorithm), blob })
}
