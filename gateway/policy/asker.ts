/**
 * Who asks, ready for selectors. An attribute that is absent or malformed is undefined, and selectors on it are
 * neither true nor false: they admit nobody and excuse nobody (T95).
 */
import { isMapping } from '#lib/config/shape'
import { type IpAddress, parseAddress } from '#lib/net/address'
import type { LoginContext } from '../identity/identity.ts'
import type { CheckResult, Facts } from './facts.ts'
import type { Reason } from './reasons.ts'

/** Attributes of the subject and its connection. */
export type Asker = {
  /** Whether a service asks: attributes of persons are then absent for certain. */
  readonly isService: boolean
  /** Name of the service's token. */
  readonly service: string | undefined
  readonly email: string | undefined
  readonly emailDomain: string | undefined
  /** The address in the very letters it came in. */
  readonly mailbox: string | undefined
  readonly groups: readonly string[] | undefined
  /** Identity provider. */
  readonly provider: string | undefined
  readonly login: LoginContext | undefined
  readonly amr: readonly string[] | undefined
  readonly acr: string | undefined
  readonly deviceId: string | undefined
  readonly source: IpAddress | undefined
  readonly country: string | undefined
  /** Values of a claim. */
  claim(name: string): readonly string[] | undefined
  /** How a posture check of the device came out last. */
  posture(check: string): CheckResult | undefined
  /** What an external evaluator said last. */
  evaluation(evaluator: string): CheckResult | undefined
}

/** One address part on either side of a single `@` (T26): with two, readers disagree on the domain. */
const EMAIL = /^[^\s@]+@([^\s@]+)$/

/** Reads the attributes; never throws, whatever the facts lack. */
export function readAsker(facts: Omit<Facts, 'destination' | 'protocol'>): Asker {
  const subject: Partial<Facts['subject']> = facts.subject ?? {}
  const email = textOf(subject.email)?.toLowerCase() ?? ''
  const emailDomain = EMAIL.exec(email)?.[1]
  const source = parseAddress(textOf(facts.sourceAddress) ?? '')
  const login = Number.isFinite(subject.login?.atMs) ? subject.login : undefined
  return {
    isService: subject.service !== undefined,
    service: textOf(subject.service?.name),
    email: emailDomain === undefined ? undefined : email,
    emailDomain,
    mailbox: textOf(subject.email),
    groups: textsOf(subject.groups),
    provider: textOf(subject.provider),
    login,
    amr: textsOf(login?.amr),
    acr: textOf(login?.acr),
    deviceId: textOf(subject.deviceId),
    source: source.ok ? source.value : undefined,
    country: textOf(facts.country),
    claim: (name) => textsOf(entryOf(subject.claims, name)),
    posture: (check) => resultOf(entryOf(facts.posture, check)),
    evaluation: (evaluator) => resultOf(entryOf(facts.evaluations, evaluator)),
  }
}

/** Why nothing at all is permitted to the subject, whatever the policy says. Never throws. */
export function standingRefusal(
  facts: Pick<Facts, 'subject'>,
  nowSeconds: number,
): Reason | undefined {
  const { isDisabled, service }: Partial<Facts['subject']> = facts.subject ?? {}
  if (isDisabled === true) return 'user_disabled'
  if (service?.isDisabled === true) return 'service_token_disabled'
  return serviceEndSeconds(facts) <= nowSeconds ? 'service_token_expired' : undefined
}

/** Until when a service may ask, whole Unix seconds; infinity where no end is known, and for persons. */
export function serviceEndSeconds(facts: Pick<Facts, 'subject'>): number {
  const { service }: Partial<Facts['subject']> = facts.subject ?? {}
  return Math.floor((service?.expiresAtMs ?? Number.POSITIVE_INFINITY) / 1000)
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function textsOf(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) ? value : undefined
}

function entryOf(entries: unknown, name: string): unknown {
  return isMapping(entries) && Object.hasOwn(entries, name) ? entries[name] : undefined
}

function resultOf(value: unknown): CheckResult | undefined {
  const known = isMapping(value) && typeof value['passed'] === 'boolean'
  return known && typeof value['validUntilMs'] === 'number' ? (value as CheckResult) : undefined
}
