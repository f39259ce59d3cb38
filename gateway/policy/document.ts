/**
 * A policy as written, decoded but not yet compiled: plain data in the order of the text.
 */
import type { DnsServer } from '#lib/dns/server'
import type { HostName } from '#lib/net/host'
import type { Prefix } from '#lib/net/prefix'
import type { SshLimits } from './decision.ts'
import type { Destination, DestinationHost } from './destination.ts'
import type { PolicyTest } from './policy-test.ts'
import type { PostureCheck } from './posture-check.ts'
import type { Timing } from './schedule.ts'
import type { SshAlertRule } from './ssh-alert-rule.ts'
import type { SshExtension } from './ssh-extension.ts'

/** Attributes of an asker that are texts: a selector names one value, a list many. */
export type TextAttribute =
  | 'email'
  | 'email_domain'
  | 'group'
  | 'device_id'
  | 'country'
  /** Name of the identity provider. */
  | 'login_method'
  /** Authentication method of the last login. */
  | 'amr'
  /** Authentication context class of the last login. */
  | 'auth_context'

/** What a condition may look at. */
export type Selector =
  | { readonly kind: 'everyone' }
  | { readonly kind: TextAttribute; readonly value: string }
  /** Address the tunnel connection came from. */
  | { readonly kind: 'ip_range'; readonly prefix: Prefix }
  | { readonly kind: 'claim'; readonly name: string; readonly value: string }
  | { readonly kind: 'list'; readonly list: string }
  | { readonly kind: 'rule_group'; readonly ruleGroup: string }
  | { readonly kind: 'device_posture'; readonly check: string }
  | { readonly kind: 'external'; readonly evaluator: string }
  /** A service with a token of this name; without one, any service. */
  | { readonly kind: 'service_token'; readonly token?: string }
  | { readonly kind: 'any_of'; readonly selectors: readonly Selector[] }

/** Values with a name: one change reaches every rule that names the list. */
export type List = { readonly name: string } & (
  | { readonly kind: ListedAttribute | 'serial'; readonly values: readonly string[] }
  | { readonly kind: 'ip'; readonly values: readonly Prefix[] }
)

/** Attributes of which lists are kept. Lists of serial numbers are for posture checks. */
export type ListedAttribute = 'email' | 'email_domain' | 'group' | 'device_id' | 'country'

/** Holds when any of `include`, all of `require` and none of `exclude` hold. */
export type Condition = {
  readonly include: readonly Selector[]
  readonly require: readonly Selector[]
  readonly exclude: readonly Selector[]
}

/** A condition with a name, for policies and network rules alike. */
export type RuleGroup = Condition & { readonly name: string }

/** Somebody outside who is asked about flows. */
export type Evaluator = {
  readonly name: string
  readonly url: string
  /** With which its answers are signed: P-256, PEM. */
  readonly publicKey: string
  readonly timeoutMs: number
  /** PEM. */
  readonly ca?: string
}

/** One policy of an application. */
export type AccessPolicy = Condition & {
  readonly name: string
  readonly timing: Timing
  /** A person must have stated a purpose, which counts for a time. */
  readonly justify?: { readonly validForMs: number }
  /** Others must have approved. */
  readonly approval?: {
    readonly approvers: readonly Selector[]
    readonly needed: number
    readonly validForMs: number
  }
  /** `bypass` asks for no login; `service` is about services, every other decision about persons. */
  readonly decision: 'allow' | 'deny' | 'bypass' | 'service'
  /** Whom it admits as; absent: the application's. */
  readonly unixUsers?: readonly string[]
  /** How long after an interactive login it admits; absent: the application's. */
  readonly sessionLengthMs?: number
}

/** Virtual network that a target is in. */
export type Network = 'default'

/** A host that speaks SSH. */
export type RegisteredTarget = {
  /** Unique. */
  readonly label: string
  /** Host name or IP literal, canonical. */
  readonly address: string
  /** Never empty. */
  readonly ports: readonly number[]
  readonly tags: Readonly<Record<string, string>>
  readonly network: Network
  /** Pinned host keys, OpenSSH one-line format. */
  readonly hostKeys: readonly string[]
  /** Authorities that may vouch for it, OpenSSH one-line format. */
  readonly hostAuthorities: readonly string[]
}

/** What a target must be: everything that is named, at least one thing. */
export type TargetCriterion = {
  /** `*` stands for any characters. */
  readonly label?: string
  readonly tags?: Readonly<Record<string, string>>
  readonly network?: Network
  /** Of the target's ports, these only. */
  readonly ports?: readonly number[]
}

/** Limits of an ssh application as written: users may be an alias, and targets add their own keys. */
export type WrittenSsh = Omit<SshLimits, 'moderation'> & {
  /** Any of these; none: `destinations` only. */
  readonly targets: readonly TargetCriterion[]
  /** Any of these may moderate sessions, which then all are; none: no session is moderated. */
  readonly moderators: readonly Selector[]
}

/** What is protected, and who may use it: the first policy that matches decides, none denies. */
export type Application = {
  readonly name: string
  readonly destinations: readonly Destination[]
  readonly protocol?: 'ssh' | 'http' | 'tls'
  /** Present exactly when `protocol` is ssh. */
  readonly ssh?: WrittenSsh
  readonly idleTimeoutMs?: number
  readonly sessionLengthMs?: number
  readonly policies: readonly AccessPolicy[]
}

/** A line of the network phase. */
export type NetworkRule = Condition & {
  readonly kind: 'rule'
  readonly name: string
  /** Lower comes first; unique. */
  readonly precedence: number
  readonly action: 'allow' | 'block' | 'continue'
  readonly timing: Timing
  readonly destinations: readonly Destination[]
}

/** The line at which applications are looked at; without one, after all rules. */
export type ApplicationPhase = {
  readonly kind: 'application_phase'
  readonly precedence: number
}

/** Who may hold an SSH certificate, and for what. */
export type SshCertificatePolicy = Condition & {
  readonly name: string
  readonly principals: readonly string[]
  readonly lifetimeMs: number
  readonly extensions: readonly SshExtension[]
  /** Prefixes, canonical text; empty: everywhere. */
  readonly sourceAddresses: readonly string[]
  readonly sessionLengthMs?: number
}

/** A zone with resolvers of its own. */
export type DnsZone = {
  readonly domain: HostName
  /** Never empty. */
  readonly resolvers: readonly DnsServer[]
}

/** What a rule of the DNS phase does with a question. */
export type NameAction =
  | { readonly kind: 'allow' }
  | {
      readonly kind: 'block'
      readonly answer: 'nxdomain' | 'refused'
      /** Told as the reason. */
      readonly text?: string
    }
  | { readonly kind: 'override'; readonly addresses: readonly string[] }
  | { readonly kind: 'override'; readonly alias: HostName }

/** A rule of the DNS phase. */
export type NameRule = Condition & {
  readonly name: string
  /** Lower comes first; unique. */
  readonly precedence: number
  readonly names: readonly DestinationHost[]
  /** Numbers of record types; absent: all. */
  readonly types?: readonly number[]
  readonly timing: Timing
  readonly effect: NameAction
}

/** A whole policy. */
export type PolicyDocument = {
  /** What daemons treat as ours. */
  readonly tunnel: {
    readonly domains: readonly HostName[]
    readonly prefixes: readonly Prefix[]
    readonly others: 'direct' | 'refuse'
    /** Where devices without ranges of their own take synthetic addresses from. */
    readonly synthetic?: { readonly v4?: Prefix; readonly v6?: Prefix }
    readonly lockdown: boolean
    /** Users may not switch the tunnel off. */
    readonly lock: boolean
    /** Longest time that a captive portal is opened for; 0: never. */
    readonly captivePortalMs?: number
  }
  readonly dns: { readonly zones: readonly DnsZone[]; readonly rules: readonly NameRule[] }
  /** For public destinations that no rule and no application matches. */
  readonly publicDefault: 'allow' | 'block'
  /** The same for UDP and ping, where `publicDefault` allows. */
  readonly publicDatagrams: 'allow' | 'block'
  /** UDP beside applications of HTTP or TLS. */
  readonly quic: 'allow' | 'block'
  readonly sessionLengthMs?: number
  /** What devices are asked for, and what they must show. */
  readonly postureChecks: readonly PostureCheck[]
  /** Destinations that nobody reaches without an application. */
  readonly requireProtection: {
    readonly destinations: readonly Destination[]
    readonly exempt: readonly Destination[]
  }
  readonly evaluators: readonly Evaluator[]
  readonly lists: readonly List[]
  /** How long a flow waits for its user. */
  readonly promptTimeoutMs: number
  readonly ruleGroups: readonly RuleGroup[]
  readonly sshTargets: readonly RegisteredTarget[]
  readonly applications: readonly Application[]
  readonly networkRules: readonly (NetworkRule | ApplicationPhase)[]
  readonly sshAlerts: readonly SshAlertRule[]
  /** SSH certificates that people may hold themselves. */
  readonly sshCertificates: readonly SshCertificatePolicy[]
  /** Must pass before the policy is put in force. */
  readonly tests: readonly PolicyTest[]
}
