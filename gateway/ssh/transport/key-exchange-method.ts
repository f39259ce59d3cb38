/** What a method of key exchange does, on either side (RFC 5656 section 4). */

/** A client's side of an exchange: one fresh key pair, used once. */
export type KeyAgreement = {
  /** Our public value. */
  readonly publicValue: Buffer
  /** @returns the shared secret K, encoded as the exchange hash takes it; undefined when the peer's value is bad. */
  agree(peerValue: Buffer): Buffer | undefined
}

/** A server's side of an exchange. */
export type KexAnswer = {
  /** Our public value. */
  readonly publicValue: Buffer
  /** As of `KeyAgreement`. */
  readonly secret: Buffer
}

export type KexMethod = {
  readonly hash: 'sha256' | 'sha384'
  /** As a client: our value goes first. */
  begin(): KeyAgreement
  /** As a server. @returns undefined when the client's value is bad. */
  answer(clientValue: Buffer): KexAnswer | undefined
}
