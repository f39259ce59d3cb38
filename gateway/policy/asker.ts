/**
 * Who asks, ready for selectors. An attribute that is absent or malformed is undefined, and selectors on it are
 * neither true nor false: they admit nobody and excuse nobody (T95).
 */
import { type IpAddress, parseAddress } from '#lib/net/address'
import type { Facts } from './facts.ts'

/** Attributes of the subject and its connection. */
export type Asker = {
  readonly email?: string
  readonly emailDomain?: string
  readonly groups?: readonly string[]
  readonly deviceId?: string
  readonly source?: IpAddress
  readonly lastLoginAtSeconds?: number
}

/** One address part on either side of a single `@` (T26): with two, readers disagree on the domain. */
const EMAIL = /^[^\s@]+@([^\s@]+)$/

/** Reads the attributes; never throws, whatever the facts lack. */
export function readAsker(facts: Facts): Asker {
  const subject: Partial<Facts['subject']> = facts.subject ?? {}
  const email = typeof subject.email === 'string' ? subject.email.toLowerCase() : ''
  const emailDomain = EMAIL.exec(email)?.[1]
  const source =
    typeof facts.sourceAddress === 'string' ? parseAddress(facts.sourceAddress) : undefined
  return {
    ...(emailDomain !== undefined && { email, emailDomain }),
    ...(Array.isArray(subject.groups) && { groups: subject.groups }),
    ...(typeof subject.deviceId === 'string' &&
      subject.deviceId !== '' && { deviceId: subject.deviceId }),
    ...(source?.ok && { source: source.value }),
    ...(Number.isFinite(subject.lastLoginAtSeconds) && {
      lastLoginAtSeconds: Number(subject.lastLoginAtSeconds),
    }),
  }
}
