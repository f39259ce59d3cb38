/**
 * The SSH certificate authorities as they are kept: each has one key that signs, and keys before it that are published
 * and accepted for an overlap.
 *
 *   created ──► signing ──rotated──► retired, still trusted ──its time──► over      every state ──► revoked
 */

/**
 * `user`: certifies logins of the gateway at targets. `host`: names of hosts, for clients. `client`: certificates that
 * people hold themselves; a host opts in by trusting it, since such a login passes no gateway and is not recorded.
 */
export const SSH_AUTHORITY_NAMES = ['user', 'host', 'client'] as const
export type SshAuthorityName = (typeof SSH_AUTHORITY_NAMES)[number]

/** Where the private key is. */
export type Custody =
  /** A file in the folder of keys. */
  | { readonly kind: 'file'; readonly file: string }
  /** An SSH agent with this socket, which may have it from a PKCS#11 token. */
  | { readonly kind: 'agent'; readonly socket: string }

/** One key of an authority. Times are Unix milliseconds. */
export type SshAuthority = {
  /** Fingerprint of the key, `SHA256:…`: one key is never two authorities. */
  readonly id: string
  readonly name: SshAuthorityName
  /** OpenSSH line. */
  readonly publicKey: string
  readonly custody: Custody
  readonly createdAtMs: number
  /** Another key signs since then. */
  readonly retiredAtMs?: number
  /** Of a retired key: how long it is published and accepted. */
  readonly trustedUntilMs?: number
}

export type AuthorityState = 'signing' | 'retired' | 'over' | 'revoked'

/** How a key stands. @param revoked ids of the authorities that were revoked. */
export function authorityState(
  { id, retiredAtMs, trustedUntilMs }: SshAuthority,
  revoked: ReadonlySet<string>,
  nowMs: number,
): AuthorityState {
  if (revoked.has(id)) return 'revoked'
  if (retiredAtMs === undefined) return 'signing'
  return nowMs < (trustedUntilMs ?? 0) ? 'retired' : 'over'
}

/** The keys of an authority that count now, the one that signs first. */
export function trustedKeys(
  all: readonly SshAuthority[],
  name: SshAuthorityName,
  revoked: ReadonlySet<string>,
  nowMs: number,
): readonly SshAuthority[] {
  const own = all.filter((one) => one.name === name)
  const inState = (state: AuthorityState) =>
    own.filter((one) => authorityState(one, revoked, nowMs) === state)
  return [...inState('signing'), ...inState('retired')]
}

/** A key that no longer signs; what was retired before keeps its end. */
export function retire(authority: SshAuthority, overlapMs: number, nowMs: number): SshAuthority {
  if (authority.retiredAtMs !== undefined) return authority
  return { ...authority, retiredAtMs: nowMs, trustedUntilMs: nowMs + overlapMs }
}
