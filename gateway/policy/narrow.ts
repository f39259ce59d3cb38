/**
 * Two permits for one flow: the result keeps to the limits of both.
 */
import type { Enforcement, SshLimits, SshWatch } from './decision.ts'
import type { Verdict } from './flow.ts'

type PermitVerdict = Verdict & { readonly kind: 'permit' }

/** `permit` with the limits of `other` added; undefined when nothing is left that both allow. */
export function narrow(permit: PermitVerdict, other: PermitVerdict): PermitVerdict | undefined {
  const enforcement = narrowEnforcement(permit.enforcement, other.enforcement)
  if (enforcement === undefined) return undefined
  const idleTimeoutMs = lesser(permit.idleTimeoutMs, other.idleTimeoutMs)
  const sessionEndsAtMs = lesser(permit.sessionEndsAtMs, other.sessionEndsAtMs)
  return {
    ...permit,
    enforcement,
    ...(idleTimeoutMs !== undefined && { idleTimeoutMs }),
    ...(sessionEndsAtMs !== undefined && { sessionEndsAtMs }),
  }
}

function lesser(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return Math.min(a, b)
}

function narrowEnforcement(a: Enforcement, b: Enforcement): Enforcement | undefined {
  if (b.kind === 'relay') return a
  if (a.kind === 'relay') return b
  const ssh = narrowSsh(a.ssh, b.ssh)
  return ssh.unixUsers.length === 0 ? undefined : { kind: 'ssh', ssh }
}

/** The stricter of both, and of those that record, what records more. */
function narrowRecord(a: SshLimits, b: SshLimits): Pick<SshLimits, 'record' | 'recordScope'> {
  const record = STRICT_FIRST.find((one) => one === a.record || one === b.record) ?? 'required'
  const scopes = [a, b].filter((one) => one.record !== 'off').map(({ recordScope }) => recordScope)
  const recordScope = FULL_FIRST.find((one) => scopes.includes(one))
  return { record, ...(recordScope !== undefined && { recordScope }) }
}

const STRICT_FIRST = ['required', 'best_effort', 'off'] as const
const FULL_FIRST = [undefined, 'commands', 'metadata'] as const

/** Who may log in where both agree; keys of the first, which was written on the name that was asked for. */
function narrowSsh(a: SshLimits, b: SshLimits): SshLimits {
  const sessionTimeMs = lesser(a.sessionTimeMs, b.sessionTimeMs)
  const waitMs = lesser(a.moderation?.waitMs, b.moderation?.waitMs)
  const concurrentSessions = lesser(a.concurrentSessions, b.concurrentSessions)
  return {
    unixUsers: a.unixUsers.filter((user) => b.unixUsers.includes(user)),
    ...narrowRecord(a, b),
    watch: narrowWatch(a, b),
    ...((a.requiresCertificate ?? b.requiresCertificate) && { requiresCertificate: true }),
    ...(waitMs !== undefined && { moderation: { waitMs } }),
    hostKeys: a.hostKeys.length > 0 ? a.hostKeys : b.hostKeys,
    hostAuthorities: a.hostAuthorities.length > 0 ? a.hostAuthorities : b.hostAuthorities,
    grants: [...a.grants, ...b.grants],
    ...(sessionTimeMs !== undefined && { sessionTimeMs }),
    ...(concurrentSessions !== undefined && { concurrentSessions }),
  }
}

const WATCHES = ['never', 'told', 'silent'] as const

/** Who may not be watched, or is to be told, by either: stays so. */
function narrowWatch(a: SshLimits, b: SshLimits): SshWatch {
  const wishes = [a.watch ?? 'told', b.watch ?? 'told']
  return WATCHES.find((one) => wishes.includes(one)) ?? 'never'
}
