/** An SSH certificate that left the gateway, as it is remembered. Those for one login at a target are in the recording's manifest. */
export type IssuedSshCertificate = {
  /** Its serial, decimal. */
  readonly id: string
  readonly kind: 'user' | 'host'
  readonly keyId: string
  readonly principals: readonly string[]
  /** Fingerprint of the authority's key. */
  readonly authority: string
  /** Fingerprint of the certified key. */
  readonly subject: string
  /** Who asked; absent for a host's. */
  readonly userId?: string
  readonly userEmail?: string
  readonly deviceId?: string
  /** Unix milliseconds. */
  readonly issuedAtMs: number
  readonly validUntilMs: number
}
