/**
 * Ranges that a device takes synthetic addresses from: each stands for a private host name on that device alone.
 */
import { type Prefix, type PrefixError, parsePrefix } from '#lib/net/prefix'
import { isPrivate } from '#lib/net/special-address'
import { err, ok, type Result } from '#lib/result'

/** What holds where nobody says otherwise: from RFC 6598, and a unique local prefix (RFC 4193). */
export const SYNTHETIC_DEFAULTS = { v4: '100.80.0.0/16', v6: 'fd7a:74a9:c21e::/64' } as const

/** Why a prefix is no such range: it could hide a real host, or holds too few or too many addresses. */
export type SyntheticRangeError = {
  readonly reason: PrefixError['reason'] | 'wrong_version' | 'not_private' | 'wrong_size'
}

/** Shortest and longest prefix length. */
const LENGTHS = { 4: { least: 10, most: 24 }, 6: { least: 48, most: 112 } } as const

/** Parses a range of one version. Never throws. */
export function parseSyntheticRange(
  version: 4 | 6,
  text: string,
): Result<Prefix, SyntheticRangeError> {
  const prefix = parsePrefix(text)
  return prefix.ok ? checkSyntheticRange(version, prefix.value) : prefix
}

/** As `parseSyntheticRange`, of a prefix. */
export function checkSyntheticRange(
  version: 4 | 6,
  prefix: Prefix,
): Result<Prefix, SyntheticRangeError> {
  if (prefix.address.version !== version) return err({ reason: 'wrong_version' })
  const { least, most } = LENGTHS[version]
  if (prefix.length < least || prefix.length > most) return err({ reason: 'wrong_size' })
  return isPrivate(prefix.address) ? ok(prefix) : err({ reason: 'not_private' })
}

/** What to write instead. */
export function syntheticRangeRule(version: 4 | 6): string {
  const { least, most } = LENGTHS[version]
  return `expected a private IPv${version} prefix of length ${least} to ${most}, such as ${version === 4 ? SYNTHETIC_DEFAULTS.v4 : SYNTHETIC_DEFAULTS.v6}`
}
