/**
 * The tests that stand in a policy, run as part of decoding it: a policy with one that fails has a mistake, so neither
 * `check` nor a start nor a reload takes it.
 */
import type { Mistake, Path } from '#lib/config/mistake'
import type { Decoded, Shape } from '#lib/config/shape'
import { type CompiledPolicy, compilePolicy } from '../policy/compile.ts'
import type { Decision } from '../policy/decision.ts'
import type { PolicyDocument } from '../policy/document.ts'
import { evaluate } from '../policy/evaluate.ts'
import { type AskerFacts, evaluateName } from '../policy/evaluate-name.ts'
import type { CheckResult, Facts } from '../policy/facts.ts'
import type { PolicyTest, TestSubject } from '../policy/policy-test.ts'

/** The same shape; a document without other mistakes is held against its own tests. */
export function tested(shape: Shape<PolicyDocument>): Shape<PolicyDocument> {
  const decode = (value: unknown, path: Path): Decoded<PolicyDocument> => {
    const decoded = shape.decode(value, path)
    if (decoded.value === undefined || decoded.mistakes.length > 0) return decoded
    return { ...decoded, mistakes: failedTests(decoded.value, path) }
  }
  return { ...shape, decode }
}

function failedTests(document: PolicyDocument, path: Path): Mistake[] {
  if (document.tests.length === 0) return []
  // Where the gateway listens is no part of the text.
  const policy = compilePolicy(document, { revision: 0, own: { addresses: [], ports: [] } })
  return document.tests.flatMap((test, index) => {
    const failure = failureOf(test, policy)
    return failure === undefined ? [] : [{ path: [...path, 'tests', index], message: failure }]
  })
}

function failureOf(test: PolicyTest, policy: CompiledPolicy): string | undefined {
  const decision = decisionOn(test, policy)
  const came = decision.kind === 'denial' ? 'deny' : 'allow'
  const isAsExpected =
    came === test.expect &&
    (test.reason ?? decision.reason) === decision.reason &&
    (test.application ?? decision.application) === decision.application
  return isAsExpected ? undefined : sentence(test, came, decision)
}

/** What both kinds of decision say. */
type Came = Pick<Decision, 'reason' | 'application' | 'trace'> & { readonly kind: string }

/** An answer of a rule's own is an answer. */
function decisionOn(test: PolicyTest, policy: CompiledPolicy): Came {
  const asker = askerOf(test)
  if ('question' in test) return evaluateName(policy, asker, test.question, test.atSeconds)
  const { host, port, transport, address } = test
  const destination = { host, port, transport, ...(address !== undefined && { address }) }
  return evaluate(policy, { ...asker, destination }, test.atSeconds)
}

function sentence(test: PolicyTest, came: string, decision: Came): string {
  const wanted = words(test.expect, test.reason, test.application)
  const got = words(came, decision.reason, decision.application)
  const steps = decision.trace.map(({ name, outcome }) => `${name}: ${outcome}`)
  const why = steps.length === 0 ? '' : `; ${steps.join(', ')}`
  return `the test ${test.name} expects ${wanted}, and it came to ${got}${why}`
}

function words(verdict: string, reason?: string, application?: string): string {
  const by = application === undefined ? '' : ` by ${application}`
  return `${verdict}${reason === undefined ? '' : ` (${reason})`}${by}`
}

/** What is left out of a test stays unknown, whatever the types say of facts that a gateway gathers. */
function askerOf({ subject, atSeconds }: PolicyTest): AskerFacts {
  const { source = '', country, posture, evaluations } = subject
  const atMs = atSeconds * 1000
  return {
    subject: subjectOf(subject, atMs),
    sourceAddress: source,
    ...(country !== undefined && { country }),
    ...(posture !== undefined && { posture: resultsOf(posture, atMs) }),
    ...(evaluations !== undefined && { evaluations: resultsOf(evaluations, atMs) }),
    grants: subject.consents.map((one) => ({
      ...one,
      grantedAtMs: atMs,
      untilMs: Number.MAX_SAFE_INTEGER,
    })),
  }
}

function subjectOf(subject: TestSubject, atMs: number): Facts['subject'] {
  const { email, groups, provider, claims, amr, acr, deviceId, service, loginAgeMs = 0 } = subject
  const known = {
    ...(email !== undefined && { email }),
    ...(groups !== undefined && { groups }),
    ...(provider !== undefined && { provider }),
    ...(claims !== undefined && { claims: Object.fromEntries(claims) }),
    ...(deviceId !== undefined && { deviceId }),
    ...(service !== undefined && { service: { tokenId: service, name: service } }),
    login: {
      atMs: atMs - loginAgeMs,
      ...(amr !== undefined && { amr }),
      ...(acr !== undefined && { acr }),
    },
  }
  return known as Partial<Facts['subject']> as Facts['subject']
}

function resultsOf(
  results: ReadonlyMap<string, boolean>,
  atMs: number,
): Readonly<Record<string, CheckResult>> {
  const validUntilMs = atMs + 60_000
  const entries = [...results].map(([name, passed]) => [name, { passed, validUntilMs }] as const)
  return Object.fromEntries(entries)
}
