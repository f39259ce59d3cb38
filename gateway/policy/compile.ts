/**
 * From a document to matchers. All work that does not depend on a flow is done here, once.
 */

import type { IpAddress } from '#lib/net/address'
import type { HostName } from '#lib/net/host'
import { ALL_PORTS } from '#lib/net/ports'
import type { CompiledCondition, SelectorSet } from './condition.ts'
import { ConditionCompiler, once } from './condition-compiler.ts'
import type { Consent } from './consent.ts'
import type { Enforcement } from './decision.ts'
import { closing, type Destination, opening } from './destination.ts'
import { DestinationIndex } from './destination-index.ts'
import type {
  AccessPolicy,
  Application,
  Evaluator,
  NameAction,
  NameRule,
  NetworkRule,
  PolicyDocument,
  RegisteredTarget,
  SshCertificatePolicy,
} from './document.ts'
import { type EvaluatorFinder, evaluatorFinder } from './evaluator-finder.ts'
import { atOnce, inSteps, type Steps } from './in-steps.ts'
import { type CompiledTiming, compileTiming } from './schedule.ts'
import { compileList } from './selector-test.ts'
import type { CompiledSshCertificate } from './ssh-certificate.ts'
import { targetDestination } from './ssh-target.ts'
import { applicationDestinations, type MergedTargets, mergeTargets } from './ssh-targets.ts'

/** A policy of an application, compiled. */
export type CompiledPolicyLine = {
  readonly name: string
  readonly decision: AccessPolicy['decision']
  readonly condition: CompiledCondition
  readonly timing: CompiledTiming | undefined
  readonly consent: Consent
  /** Of an ssh application: its own, or the application's. */
  readonly unixUsers: readonly string[]
  /** Of the first of policy, application, organisation that sets one. */
  readonly sessionLengthMs?: number
}

/** An application, compiled. */
export type CompiledApplication = {
  readonly name: string
  readonly written: Application
  /** As written, and what its criteria find. */
  readonly destinations: readonly Destination[]
  readonly enforcement: Enforcement
  readonly policies: readonly CompiledPolicyLine[]
  /** Who may moderate its sessions. */
  readonly moderators: SelectorSet
  /** Those that its policies look at. */
  readonly evaluators: readonly Evaluator[]
}

/** A network rule, compiled. */
export type CompiledRule = {
  readonly name: string
  readonly precedence: number
  readonly action: NetworkRule['action']
  readonly timing: CompiledTiming | undefined
  readonly condition: CompiledCondition
  /** Those that the condition looks at. */
  readonly evaluators: readonly Evaluator[]
}

/** A rule of the DNS phase, compiled. */
export type CompiledNameRule = {
  readonly name: string
  readonly precedence: number
  readonly action: NameAction['kind']
  readonly effect: NameAction
  /** Absent: all. */
  readonly types: ReadonlySet<number> | undefined
  readonly timing: CompiledTiming | undefined
  readonly condition: CompiledCondition
}

/** A policy ready to evaluate; immutable. */
export type CompiledPolicy = {
  readonly revision: number
  readonly document: PolicyDocument
  readonly ruleGroups: ReadonlyMap<string, CompiledCondition>
  readonly applications: DestinationIndex<CompiledApplication>
  readonly applicationList: readonly CompiledApplication[]
  readonly sshTargets: MergedTargets
  /** By where they are: whatever application leads there, their keys count. */
  readonly sshTargetIndex: DestinationIndex<RegisteredTarget>
  /** Destinations that only an application opens, and those of them that are exempt. */
  readonly protectedOnes: DestinationIndex<true>
  readonly exempt: DestinationIndex<true>
  /** By name; ports mean nothing here. */
  readonly nameRules: DestinationIndex<CompiledNameRule>
  /** Whether any of them blocks or answers itself: then it matters which names a name leads to. */
  readonly namesAreBound: boolean
  readonly rulesBefore: DestinationIndex<CompiledRule>
  readonly rulesAfter: DestinationIndex<CompiledRule>
  readonly sshCertificates: readonly CompiledSshCertificate[]
  readonly privateDomains: readonly HostName[]
  readonly own: OwnListeners
  /** Targets that administrators had registered when it was compiled. */
  readonly registered: readonly RegisteredTarget[]
}

/** Where the gateway itself listens: never a destination. Every own port on every own address counts. */
export type OwnListeners = {
  readonly addresses: readonly IpAddress[]
  readonly ports: readonly number[]
}

/** What is not in the text. */
export type CompileOptions = {
  /** Number under which the text is stored; every decision carries it. */
  readonly revision: number
  readonly own: OwnListeners
  /** Targets that administrators registered. */
  readonly registered?: readonly RegisteredTarget[]
}

/** Compiles a document that `parsePolicy` returned. */
export function compilePolicy(document: PolicyDocument, options: CompileOptions): CompiledPolicy {
  return atOnce(compileInSteps(document, options))
}

/** The same, a line or a destination at a time. */
export function* compileInSteps(
  document: PolicyDocument,
  { revision, own, registered = [] }: CompileOptions,
): Steps<CompiledPolicy> {
  const lists = new Map(
    yield* inSteps(document.lists, (one) => [one.name, compileList(one)] as const),
  )
  const compiler = new ConditionCompiler(lists)
  const ruleGroups = new Map(
    yield* inSteps(document.ruleGroups, (one) => [one.name, compiler.condition(one)] as const),
  )
  const evaluatorsOf = evaluatorFinder(document.evaluators, ruleGroups)
  const parts: Parts = { document, compiler, lines: new Map(), evaluatorsOf }
  const sshTargets = mergeTargets(document, registered)
  const applicationList = yield* inSteps(document.applications, (one) =>
    compileApplication(one, applicationDestinations(one, sshTargets.targets), parts),
  )
  const phase = document.networkRules.find((line) => line.kind === 'application_phase')
  const phaseAt = phase?.precedence ?? Number.POSITIVE_INFINITY
  const rules = document.networkRules.filter((line) => line.kind === 'rule')
  return {
    revision,
    document,
    ruleGroups,
    applications: yield* DestinationIndex.of(
      (yield* inSteps(applicationList, applicationEntries)).flat(),
    ),
    applicationList,
    sshTargets,
    sshTargetIndex: yield* DestinationIndex.of(
      sshTargets.targets.map((value) => ({ destination: targetDestination(value), value })),
    ),
    protectedOnes: yield* indexOf(document.requireProtection.destinations.flatMap(closing)),
    exempt: yield* indexOf(document.requireProtection.exempt.map(opening)),
    nameRules: yield* indexNameRules(document.dns.rules, parts),
    namesAreBound: document.dns.rules.some(({ effect }) => effect.kind !== 'allow'),
    rulesBefore: yield* indexRules(
      rules.filter(({ precedence }) => precedence < phaseAt),
      parts,
    ),
    rulesAfter: yield* indexRules(
      rules.filter(({ precedence }) => precedence >= phaseAt),
      parts,
    ),
    sshCertificates: document.sshCertificates.map((one) => compileCertificate(one, parts)),
    privateDomains: document.tunnel.domains,
    own,
    registered,
  }
}

/** What lines are compiled with. */
type Parts = {
  readonly document: PolicyDocument
  readonly compiler: ConditionCompiler
  /** Policies of applications so far, by their text: what is written alike is compiled once. */
  readonly lines: Map<string, CompiledPolicyLine>
  readonly evaluatorsOf: EvaluatorFinder
}

function compileCertificate(
  written: SshCertificatePolicy,
  { document, compiler }: Parts,
): CompiledSshCertificate {
  const sessionLengthMs = written.sessionLengthMs ?? document.sessionLengthMs
  const condition = compiler.condition(written)
  return { written, condition, ...(sessionLengthMs !== undefined && { sessionLengthMs }) }
}

function compileApplication(
  written: Application,
  destinations: readonly Destination[],
  { document, compiler, lines, evaluatorsOf }: Parts,
): CompiledApplication {
  const policies = written.policies.map((line) => {
    const sessionLengthMs =
      line.sessionLengthMs ?? written.sessionLengthMs ?? document.sessionLengthMs
    const unixUsers = line.unixUsers ?? written.ssh?.unixUsers ?? []
    const inForce = {
      ...line,
      unixUsers,
      ...(sessionLengthMs !== undefined && { sessionLengthMs }),
    }
    return once(lines, JSON.stringify(inForce), () => compileLine(inForce, compiler))
  })
  const enforcement = enforcementOf(written, document)
  const moderators = compiler.set(written.ssh?.moderators ?? [])
  const evaluators = evaluatorsOf(policies.map(({ condition }) => condition))
  const { name } = written
  return { name, written, destinations, enforcement, policies, moderators, evaluators }
}

/** @param line with what the application says for it. */
function compileLine(
  line: AccessPolicy & Pick<CompiledPolicyLine, 'unixUsers'>,
  compiler: ConditionCompiler,
): CompiledPolicyLine {
  const { name, decision, unixUsers, sessionLengthMs } = line
  return {
    name,
    decision,
    unixUsers,
    condition: compiler.condition(line),
    timing: compileTiming(line.timing),
    consent: compileConsent(line, compiler),
    ...(sessionLengthMs !== undefined && { sessionLengthMs }),
  }
}

function enforcementOf({ ssh }: Application, document: PolicyDocument): Enforcement {
  if (ssh === undefined) return { kind: 'relay' }
  const { targets: _criteria, moderators, ...limits } = ssh
  if (moderators.length === 0) return { kind: 'ssh', ssh: limits }
  return { kind: 'ssh', ssh: { ...limits, moderation: { waitMs: document.promptTimeoutMs } } }
}

function compileConsent({ justify, approval }: AccessPolicy, compiler: ConditionCompiler): Consent {
  return {
    ...(justify !== undefined && { justify }),
    ...(approval !== undefined && {
      approval: { ...approval, approvers: compiler.set(approval.approvers) },
    }),
  }
}

function indexOf(destinations: readonly Destination[]): Steps<DestinationIndex<true>> {
  return DestinationIndex.of<true>(
    destinations.map((destination) => ({ destination, value: true })),
  )
}

function applicationEntries(value: CompiledApplication) {
  return value.destinations.map((one) => ({ destination: opening(one), value }))
}

function* indexRules(
  rules: readonly NetworkRule[],
  { compiler, evaluatorsOf }: Parts,
): Steps<DestinationIndex<CompiledRule>> {
  const entries = yield* inSteps(rules, ({ name, precedence, action, destinations, ...line }) => {
    const condition = compiler.condition(line)
    const timing = compileTiming(line.timing)
    const evaluators = evaluatorsOf([condition])
    const value = { name, precedence, action, condition, timing, evaluators }
    const covered = action === 'allow' ? destinations.map(opening) : destinations.flatMap(closing)
    return covered.map((destination) => ({ destination, value }))
  })
  return yield* DestinationIndex.of(entries.flat())
}

function* indexNameRules(
  rules: readonly NameRule[],
  { compiler }: Parts,
): Steps<DestinationIndex<CompiledNameRule>> {
  const entries = yield* inSteps(
    rules,
    ({ name, precedence, names, types, effect, timing, ...line }) => {
      const value: CompiledNameRule = {
        ...{ name, precedence, effect, action: effect.kind, types: types && new Set(types) },
        condition: compiler.condition(line),
        timing: compileTiming(timing),
      }
      return names.map((host) => ({ destination: { host, ports: ALL_PORTS, text: name }, value }))
    },
  )
  return yield* DestinationIndex.of(entries.flat())
}
