/**
 * Who asks, ready for selectors. An attribute that is absent or malformed is undefined, and selectors on it are
 * neither true nor false: they admit nobody and excuse nobody (T95).
 */
import { type IpAddress, parseAddress } from '#lib/net/address'
import type { LoginContext } from '../identity/identity.ts'
import type { Facts } from './facts.ts'

/** Attributes of the subject and its connection. */
export type Asker = {
  readonly email: string | undefined
  readonly emailDomain: string | undefined
  readonly groups: readonly string[] | undefined
  readonly deviceId: string | undefined
  readonly source: IpAddress | undefined
  readonly login: LoginContext | undefined
}

/** One address part on either side of a single `@` (T26): with two, readers disagree on the domain. */
const EMAIL = /^[^\s@]+@([^\s@]+)$/

/** Reads the attributes; never throws, whatever the facts lack. */
export function readAsker(facts: Facts): Asker {
  const subject: Partial<Facts['subject']> = facts.subject ?? {}
  const { groups, login } = subject
  const email = textOf(subject.email)?.toLowerCase() ?? ''
  const emailDomain = EMAIL.exec(email)?.[1]
  const source = parseAddress(textOf(facts.sourceAddress) ?? '')
  return {
    email: emailDomain === undefined ? undefined : email,
    emailDomain,
    groups: Array.isArray(groups) ? groups : undefined,
    deviceId: textOf(subject.deviceId),
    source: source.ok ? source.value : undefined,
    login: Number.isFinite(login?.atMs) ? login : undefined,
  }
}

/** Whether the person may have nothing at all, whatever the policy says. Never throws. */
export function isDisabled(facts: Facts): boolean {
  const subject: Partial<Facts['subject']> = facts.subject ?? {}
  return subject.isDisabled === true
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
