/**
 * A policy as a large organisation has it, and people who ask: made by counting, so that every run decides the same.
 */
import type { Facts } from '../../gateway/policy/facts.ts'

/** How large. */
export type PolicySize = {
  readonly applications: number
  readonly rules: number
  readonly identities: number
}

const LISTS = 100
const TEAMS = 500
const COUNTRIES = ['DE', 'FR', 'NL', 'AT', 'CH']

/** The text of a policy, as `decodePolicy` reads it; JSON is YAML. */
export function largePolicyText(size: PolicySize): string {
  const policy = {
    tunnel: { domains: ['corp.internal'], prefixes: ['10.0.0.0/8'] },
    public_default: 'allow',
    session_length: '12h',
    posture_checks: [{ name: 'disk', kind: 'disk_encryption' }],
    lists: many(LISTS, (list) => ({
      name: `list-${list}`,
      kind: 'email',
      values: many(size.identities / LISTS, (at) => emailOf(at * LISTS + list)),
    })),
    rule_groups: many(LISTS, (group) => ({
      name: `group-${group}`,
      include: [{ email_list: `list-${group}` }, { group: `team-${group}` }],
      exclude: [{ country_list: 'barred' }],
    })),
    applications: many(size.applications, applicationAt),
    network_rules: [
      ...many(size.rules, (at) => ruleAt(at, size.rules / 2)),
      { phase: 'application', precedence: size.rules / 2 },
    ],
  }
  policy.lists.push({ name: 'barred', kind: 'country', values: ['KP'] })
  return JSON.stringify({ policy })
}

/** The facts of somebody's flow to one of the applications, before a name is resolved. */
export function factsAt(at: number, { applications, identities }: PolicySize): Facts {
  const person = (at * 7919) % identities
  const host = hostOf((at * 104_729) % applications)
  return {
    subject: {
      userId: `user-${person}`,
      email: emailOf(person),
      groups: many(10, (group) => `team-${(person + group * 37) % TEAMS}`),
      deviceId: '11111111-1111-4111-8111-111111111111',
      provider: 'corp',
      claims: {},
      login: { atMs: 1_800_000_000_000, amr: ['pwd', 'otp'] },
    },
    posture: { disk: { passed: at % 10 > 0, validUntilMs: 1_800_000_300_000 } },
    sourceAddress: `198.51.${at % 256}.7`,
    country: COUNTRIES[at % COUNTRIES.length] ?? 'DE',
    destination: { host, port: 443, transport: 'tcp' },
  }
}

function applicationAt(at: number) {
  const include = [{ rule_group: `group-${at % LISTS}` }, { group: `team-${at % TEAMS}` }]
  return {
    name: `app-${at}`,
    destinations: [destinationOf(at), `10.${at >> 8}.${at % 256}.0/28:443`],
    policies: [
      { name: 'barred', decision: 'deny', include: [{ email: emailOf(at) }] },
      { name: 'staff', decision: 'allow', include, require: [{ device_posture: 'disk' }] },
      {
        name: 'near',
        decision: 'allow',
        include: [{ country: 'DE' }, { ip_range: '198.51.100.0/24' }],
      },
    ],
  }
}

/** Every fifth covers a zone. */
function destinationOf(at: number): string {
  return at % 5 === 0 ? `*.zone-${at}.corp.internal:443` : `${hostOf(at)}:443,8443`
}

function hostOf(at: number): string {
  return at % 5 === 0 ? `www.zone-${at}.corp.internal` : `app-${at}.corp.internal`
}

/** Half of the rules before the application phase; some look at every flow. */
function ruleAt(at: number, half: number) {
  const everywhere = at % 100 === 0
  return {
    name: `rule-${at}`,
    precedence: at < half ? at : at + 1,
    action: everywhere ? 'continue' : 'block',
    destinations: everywhere
      ? ['*:*']
      : [`10.${at % 256}.0.0/16:22`, `*.net-${at}.corp.internal:*`],
    include: [{ group: `team-${at % TEAMS}` }],
  }
}

function emailOf(person: number): string {
  return `user-${person}@example.com`
}

function many<T>(count: number, make: (at: number) => T): T[] {
  return Array.from({ length: count }, (_, at) => make(at))
}
