/**
 * The keys of a gateway, by purpose; none serves two. Those of SSH authorities are in gateway/ssh-ca. A KeyObject prints no key material when it is logged.
 */
import type { KeyObject } from 'node:crypto'

/** Length of `hostSeed`. */
export const HOST_SEED_OCTETS = 32

/** A certificate authority of ours, P-256. */
export type Authority = {
  /** Its own certificate, PEM. */
  readonly certificatePem: string
  readonly key: KeyObject
}

export type GatewayKeys = {
  /** Signs certificates of our own listeners, nothing else. */
  readonly gatewayCa: Authority
  /** Signs device certificates, nothing else. */
  readonly deviceCa: Authority
  /** Signs tokens; P-256 (ES256). */
  readonly tokenSigning: KeyObject
  /** Signs manifests of recordings; P-256 (ES256). */
  readonly evidenceSigning: KeyObject
  /** Secret of 32 octets from which SSH host keys are derived (HKDF). */
  readonly hostSeed: KeyObject
  /** Public key of the offline key that signs the list of recipients; ed25519. */
  readonly recipientsSigner: KeyObject
}
