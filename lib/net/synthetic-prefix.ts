/**
 * Prefixes that a device takes synthetic addresses from: each address stands for a private host name on that device
 * alone.
 */
import { type Prefix, type PrefixError, parsePrefix } from '#lib/net/prefix'
import { isPrivate } from '#lib/net/special-address'
import { err, ok, type Result } from '#lib/result'

/**
 * What holds where nobody says otherwise: of RFC 6598, away from what Tailscale and WARP give out first; and unique
 * local, its 40 bits drawn once (RFC 4193 section 3.2.2).
 */
export const SYNTHETIC_DEFAULTS = { v4: '100.80.0.0/16', v6: 'fdb4:5e1c:907a::/96' } as const

/** Why a prefix is no such range: it could hide a real host, or holds too few or too many addresses. */
export type SyntheticPrefixError = {
  readonly reason: PrefixError['reason'] | 'wrong_version' | 'not_private' | 'wrong_size'
}

/** Shortest and longest prefix length; any IPv6 prefix has an address for each of any IPv4 prefix. */
const LENGTHS = { 4: { least: 10, most: 24 }, 6: { least: 48, most: 104 } } as const

/** Parses a range of one version. Never throws. */
export function parseSyntheticPrefix(
  version: 4 | 6,
  text: string,
): Result<Prefix, SyntheticPrefixError> {
  const prefix = parsePrefix(text)
  return prefix.ok ? checkSyntheticPrefix(version, prefix.value) : prefix
}

/** As `parseSyntheticPrefix`, of a prefix. */
export function checkSyntheticPrefix(
  version: 4 | 6,
  prefix: Prefix,
): Result<Prefix, SyntheticPrefixError> {
  if (prefix.address.version !== version) return err({ reason: 'wrong_version' })
  const { least, most } = LENGTHS[version]
  if (prefix.length < least || prefix.length > most) return err({ reason: 'wrong_size' })
  return isPrivate(prefix.address) ? ok(prefix) : err({ reason: 'not_private' })
}

/** What to write instead. */
export function syntheticPrefixRule(version: 4 | 6): string {
  const { least, most } = LENGTHS[version]
  return `expected a private IPv${version} prefix of length ${least} to ${most}, such as ${version === 4 ? SYNTHETIC_DEFAULTS.v4 : SYNTHETIC_DEFAULTS.v6}`
}
