/**
 * Asks external evaluators, and remembers what they said for as long as they said it. What is not known is left out:
 * it admits nobody. For flows that are open an evaluator is asked again before its answer expires.
 */
import type { AccessChange } from '../access-change.ts'
import { withEvaluations } from '../facts/gather.ts'
import type { CompiledPolicy } from '../policy/compile.ts'
import type { Evaluator } from '../policy/document.ts'
import type { CheckResult, Facts } from '../policy/facts.ts'
import { neededEvaluations } from '../policy/needed-evaluations.ts'
import { type Question, questionOf } from './evaluation.ts'
import { type AskingDeps, openAsking } from './evaluator-client.ts'
import { createOpenQuestions, type QuestionLimits } from './open-questions.ts'

export type EvaluationDeps = AskingDeps & {
  readonly policy: () => CompiledPolicy
  /** Live flows of a device. */
  readonly flowsOf: (deviceId: string) => readonly { readonly facts: Facts }[]
  readonly tell: (change: AccessChange) => unknown
  readonly limits?: Partial<EvaluationLimits>
}

export interface Evaluations {
  /**
   * The facts with the answers that their decision looks at, and no others: an answer counts for these facts and the
   * policy in force. At once when all are known or none is needed.
   */
  gather(facts: Facts): Facts | Promise<Facts>
  stop(): void
}

/** What is remembered and what may wait, at most; a question above is not asked, and its answer is not known. */
export type EvaluationLimits = QuestionLimits & { readonly answers: number }

/** A quarter of the places for one device: as many connections of a device may wait for its user. */
const EVALUATION_LIMITS: EvaluationLimits = { total: 256, perDevice: 64, answers: 10_000 }
/** How long before its end an answer is asked for again, ms; from then on whenever half of what is left is over. */
const AHEAD_MS = 15_000
/** With less left nobody is asked again, ms. */
const SHORTEST_MS = 1000

type Wanted = { readonly evaluator: Evaluator; readonly key: string; readonly question: Question }
type Remembered = { readonly answer: CheckResult; readonly timer: NodeJS.Timeout }

export function openEvaluations(deps: EvaluationDeps): Evaluations {
  const { policy, log, now } = deps
  const limits = { ...EVALUATION_LIMITS, ...deps.limits }
  const askEvaluator = openAsking(deps)
  const questions = createOpenQuestions<CheckResult | undefined>(limits)
  /** The oldest first. */
  const answers = new Map<string, Remembered>()
  let isOver = false

  function wantedBy(facts: Facts): readonly Wanted[] {
    const needed = neededEvaluations(policy(), facts)
    if (needed === undefined) return []
    const question = questionOf(facts, needed.application)
    return needed.evaluators.map((evaluator) => {
      const { name, url, publicKey } = evaluator
      return { evaluator, question, key: JSON.stringify([name, url, publicKey, question]) }
    })
  }

  function answerTo({ key }: Wanted): CheckResult | undefined {
    const answer = answers.get(key)?.answer
    return answer !== undefined && answer.validUntilMs > now() ? answer : undefined
  }

  function ask(wanted: Wanted): Promise<CheckResult | undefined> {
    const { key, evaluator, question } = wanted
    const { deviceId } = question.subject
    const asked = questions.ask(key, deviceId, async () => {
      const answer = await askEvaluator(evaluator, question)
      if (answer !== undefined) remember(wanted, answer)
      return answer
    })
    if (asked.ok) return asked.value
    log.warn({ evaluator: evaluator.name, deviceId, reason: asked.error }, 'evaluator not asked')
    return Promise.resolve(undefined)
  }

  function remember(wanted: Wanted, answer: CheckResult): void {
    forget(wanted.key)
    const [oldest] = answers.keys()
    if (oldest !== undefined && answers.size >= limits.answers) {
      log.warn({ answers: answers.size }, 'too many answers of evaluators: the oldest is forgotten')
      forget(oldest)
    }
    keep(wanted, answer)
  }

  /** Until its end, which is looked at again in time. */
  function keep(wanted: Wanted, answer: CheckResult): void {
    if (isOver) return
    const leftMs = answer.validUntilMs - now()
    const isLast = leftMs < SHORTEST_MS
    const timer = isLast
      ? setTimeout(() => forget(wanted.key), leftMs)
      : setTimeout(() => void renew(wanted, answer), Math.max(leftMs / 2, leftMs - AHEAD_MS))
    answers.set(wanted.key, { answer, timer: timer.unref() })
  }

  /** For a flow that is open; while no new answer comes the old one counts to its end. */
  async function renew(wanted: Wanted, answer: CheckResult): Promise<void> {
    const { deviceId } = wanted.question.subject
    const renewed = isInUse(wanted) && (await ask(wanted)) !== undefined
    if (isOver) return
    if (renewed) deps.tell({ kind: 'device', deviceId })
    else if (answers.get(wanted.key)?.answer === answer) keep(wanted, answer)
  }

  function isInUse({ key, question }: Wanted): boolean {
    const flows = deps.flowsOf(question.subject.deviceId)
    return flows.some(({ facts }) => wantedBy(facts).some((wanted) => wanted.key === key))
  }

  function forget(key: string): void {
    clearTimeout(answers.get(key)?.timer)
    answers.delete(key)
  }

  return {
    gather(facts) {
      const wanted = wantedBy(facts)
      const known = wanted.map(answerTo)
      if (!known.includes(undefined)) return withAnswers(facts, wanted, known)
      return Promise.all(wanted.map((one, at) => known[at] ?? ask(one))).then((answered) =>
        withAnswers(facts, wanted, answered),
      )
    },
    stop() {
      isOver = true
      for (const { timer } of answers.values()) clearTimeout(timer)
    },
  }
}

function withAnswers(
  facts: Facts,
  wanted: readonly Wanted[],
  answered: readonly (CheckResult | undefined)[],
): Facts {
  const found = wanted.flatMap(({ evaluator }, at) => {
    const answer = answered[at]
    return answer === undefined ? [] : [[evaluator.name, answer] as const]
  })
  return withEvaluations(facts, found.length === 0 ? undefined : Object.fromEntries(found))
}
