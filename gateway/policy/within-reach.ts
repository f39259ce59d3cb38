/**
 * Whether somebody may know of a host: who could use something there may ask for it, now or after a login, on whatever
 * port. The lines are walked in the order of a flow's decision.
 */
import type { Host } from '#lib/net/endpoint'
import { ALL_PORTS, portsCover } from '#lib/net/ports'
import type { CompiledApplication, CompiledPolicy, CompiledRule } from './compile.ts'
import type { ConditionEvaluator, Outcome } from './condition.ts'
import type { Destination } from './destination.ts'
import type { DestinationIndex, Entry } from './destination-index.ts'
import { lineOutcome } from './phases/application.ts'
import { applies, ruleOutcome } from './phases/network.ts'
import { findNearMiss } from './remedy.ts'
import { admittingLine } from './visible-applications.ts'

/** The name of the application or rule that opens something at this host; undefined: none does. */
export function withinReach(
  policy: CompiledPolicy,
  host: Host,
  conditions: ConditionEvaluator,
): string | undefined {
  if (lacksProtection(policy, host)) return undefined
  const before = ruleAt(policy.rulesBefore, host, conditions)
  if (before !== undefined) return openedBy(before)
  const application = applicationAt(policy, host, conditions)
  if (application !== undefined) return application.name
  const after = ruleAt(policy.rulesAfter, host, conditions)
  return after && openedBy(after)
}

/** As `protection_required` of a flow to any port. */
function lacksProtection(
  { protectedOnes, exempt, applications }: CompiledPolicy,
  host: Host,
): boolean {
  const isProtected = protectedOnes.onHost(host).some((one) => isAll(one.destination))
  return isProtected && exempt.onHost(host).length + applications.onHost(host).length === 0
}

function openedBy({ action, name }: CompiledRule): string | undefined {
  return action === 'allow' ? name : undefined
}

/** The first rule that opens something, or closes all. */
function ruleAt(
  rules: DestinationIndex<CompiledRule>,
  host: Host,
  conditions: ConditionEvaluator,
): CompiledRule | undefined {
  const entries = rules.onHost(host).sort((a, b) => a.value.precedence - b.value.precedence)
  const found = entries.find(({ value: rule, destination }) => {
    const outcome = ruleOutcome(rule, { conditions })
    if (rule.action === 'allow') return outcome === 'matched' || isOpen(outcome, rule)
    return rule.action === 'block' && isAll(destination) && applies(rule, outcome)
  })
  return found?.value
}

/** External evaluators are asked about flows only: what they would say is not known yet. */
function isOpen(outcome: Outcome, { evaluators }: { readonly evaluators: readonly unknown[] }) {
  return outcome === 'attribute_missing' && evaluators.length > 0
}

/** TCP and UDP on every port; ping alone makes no host worth knowing of. */
function isAll({ ports, transport }: Destination): boolean {
  return transport === undefined && portsCover(ports, ALL_PORTS)
}

function applicationAt(
  { applications }: CompiledPolicy,
  host: Host,
  conditions: ConditionEvaluator,
): CompiledApplication | undefined {
  const entries = applications.onHost(host)
  const found = entries.find(
    (entry, at) => !isTaken(entry, entries.slice(0, at)) && admits(entry.value, conditions),
  )
  return found?.value
}

/** Whether more specific destinations leave nothing of this one. */
function isTaken({ destination }: Entry<unknown>, earlier: readonly Entry<unknown>[]): boolean {
  return earlier.some(
    (one) =>
      one.destination.transport === destination.transport &&
      portsCover(one.destination.ports, destination.ports),
  )
}

/** A login or a check of the device may still be missing: the flow waits for it, and its name is asked for before. */
function admits(application: CompiledApplication, conditions: ConditionEvaluator): boolean {
  const line = admittingLine(application, conditions)
  if (line !== undefined) return line.decision !== 'deny'
  const { policies } = application
  const outcomes = policies.map((one) => lineOutcome(one, conditions))
  const isNear = !conditions.isService && findNearMiss(policies, outcomes, conditions) !== undefined
  return isNear || outcomes.some((outcome) => isOpen(outcome, application))
}
