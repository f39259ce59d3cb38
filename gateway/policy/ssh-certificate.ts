/**
 * Whether somebody gets an SSH certificate to hold, and for what. The first line that matches and has all that is asked
 * for decides; none denies. Pure.
 */
import { err, ok, type Result } from '#lib/result'
import { readAsker, standingRefusal } from './asker.ts'
import { type CompiledCondition, ConditionEvaluator } from './condition.ts'
import type { SshCertificatePolicy } from './document.ts'
import type { Facts } from './facts.ts'
import { judgeSession } from './session.ts'
import { namedUsers } from './unix-users.ts'

/** A line, compiled. */
export type CompiledSshCertificate = {
  readonly written: SshCertificatePolicy
  readonly condition: CompiledCondition
  /** Of the first of line and organisation that sets one. */
  readonly sessionLengthMs?: number
}

/** What is compiled of them. */
export type SshCertificateLines = {
  readonly sshCertificates: readonly CompiledSshCertificate[]
  readonly ruleGroups: ReadonlyMap<string, CompiledCondition>
}

export type SshCertificateRefusal =
  | 'user_disabled'
  | 'service_token_disabled'
  | 'service_token_expired'
  | 'session_expired'
  | 'session_revoked'
  | 'certificate_not_permitted'
  | 'principal_not_permitted'

export type SshCertificateGrant = Pick<
  SshCertificatePolicy,
  'name' | 'principals' | 'extensions' | 'sourceAddresses'
> & {
  /** Unix milliseconds. */
  readonly endsAtMs: number
}

/** What is known of who asks; nobody is reached. */
export type HolderFacts = Omit<Facts, 'destination' | 'protocol'>

/** @param wanted principals; none: all of the line that decides. */
export function decideSshCertificate(
  { sshCertificates, ruleGroups }: SshCertificateLines,
  facts: HolderFacts,
  wanted: readonly string[],
  nowMs: number,
): Result<SshCertificateGrant, SshCertificateRefusal> {
  const nowSeconds = Math.floor(nowMs / 1000)
  const standing = standingRefusal(facts, nowSeconds)
  if (standing !== undefined) return err(standing as SshCertificateRefusal)
  const asker = readAsker(facts)
  const moment = { nowSeconds, validUntilSeconds: Number.POSITIVE_INFINITY }
  const conditions = new ConditionEvaluator(ruleGroups, asker, moment)
  const matching = sshCertificates
    .filter(({ condition }) => conditions.outcome(condition) === 'matched')
    .map((line) => ({ line, users: namedUsers(line.written.principals, asker.email) }))
    .filter(({ users }) => users.length > 0)
  if (matching.length === 0) return err('certificate_not_permitted')
  const found = matching.find(({ users }) => wanted.every((user) => users.includes(user)))
  if (found === undefined) return err('principal_not_permitted')
  const ends = endOf(found.line, facts, nowMs)
  if (!ends.ok) return ends
  const { name, extensions, sourceAddresses } = found.line.written
  const principals = wanted.length > 0 ? wanted : found.users
  return ok({ name, principals, extensions, sourceAddresses, endsAtMs: ends.value })
}

/** A person's session must live, and the certificate ends with it. Services do not log in. */
function endOf(
  { written, sessionLengthMs }: CompiledSshCertificate,
  { subject, loginsNotBefore }: HolderFacts,
  nowMs: number,
): Result<number, SshCertificateRefusal> {
  const endsAtMs = nowMs + written.lifetimeMs
  if (subject.service !== undefined) {
    return ok(Math.min(endsAtMs, subject.service.expiresAtMs ?? endsAtMs))
  }
  const notBeforeMs = loginsNotBefore?.allMs
  const session = judgeSession(
    subject.login,
    {
      ...(sessionLengthMs !== undefined && { lengthMs: sessionLengthMs }),
      ...(notBeforeMs !== undefined && { notBeforeMs }),
    },
    nowMs,
  )
  if (session.state === 'over') return err(session.reason)
  return ok(Math.min(endsAtMs, session.endsAtMs ?? endsAtMs))
}
