/**
 * The host key shown to a user for one target: stable across restarts and gateways of one organisation, for clients
 * that pin keys instead of trusting the host authority; never the same for two targets (T30).
 */
import { createPrivateKey, hkdfSync } from 'node:crypto'
import { formatAddress, parseAddress } from '#lib/net/address'
import { parseHostName } from '#lib/net/host'
import { err, ok, type Result } from '#lib/result'
import { signerFor } from '#lib/ssh/signature'
import type { HostKey } from './transport-types.ts'

/** Names the use of the secret, so that no other key derived from it is ever equal. */
const PURPOSE = 'zt ssh host key v1'
const SEED_OCTETS = 32
/** DER head of an Ed25519 PKCS #8 key (RFC 8410 section 7); the seed follows. */
const ED25519_PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')

/**
 * @param secret the organisation's `host-seed.key`, 32 octets.
 * @param host name or IP literal, in any spelling of the same target.
 * @returns the raw key, or `bad_host`. Throws on a secret of another length: a bug.
 */
export function deriveHostKey(
  secret: Buffer,
  host: string,
  port: number,
): Result<HostKey, { readonly reason: 'bad_host' }> {
  if (secret.length !== SEED_OCTETS) throw new RangeError('the host secret has 32 octets')
  const name = canonicalHost(host)
  if (name === undefined) return err({ reason: 'bad_host' })
  const seed = hkdfSync('sha256', secret, '', `${PURPOSE}\0[${name}]:${port}`, SEED_OCTETS)
  const der = Buffer.concat([ED25519_PKCS8, Buffer.from(seed)])
  const signer = signerFor(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }))
  return ok({ algorithm: signer.algorithm, blob: signer.blob, sign: signer.sign })
}

function canonicalHost(host: string): string | undefined {
  const address = parseAddress(host)
  if (address.ok) return formatAddress(address.value)
  const name = parseHostName(host)
  return name.ok ? name.value : undefined
}
