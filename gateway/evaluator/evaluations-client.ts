/**
 * Asks external evaluators, and remembers what they said for as long as they said it. What is not known is left out:
 * it admits nobody. For flows that are open an evaluator is asked again before its answer expires.
 */
import type { AccessChange } from '../access-change.ts'
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
  /** The facts with the answers that their decision looks at; at once when all are known or none is needed. */
  gather(facts: Facts): Facts | Promise<Facts>
  /** The facts with the newest answers that are known. */
  known(facts: Facts): Facts
  stop(): void
}

/** What is remembered and what may wait, at most; a question above is not asked, and its answer is not known. */
export type EvaluationLimits = QuestionLimits & { readonly answers: number }

/** A quarter of the places for one device: as many connections of a device may wait for its user. */
const EVALUATION_LIMITS: EvaluationLimits = { total: 256, perDevice: 64, answers: 10_000 }
/** How long before its end an answer is asked for again, ms, and at the latest half-way. */
const AHEAD_MS = 15_000

type Wanted = { readonly evaluator: Evaluator; readonly key: string; readonly question: Question }

export function openEvaluations(deps: EvaluationDeps): Evaluations {
  const { policy, log, now } = deps
  const limits = { ...EVALUATION_LIMITS, ...deps.limits }
  const askEvaluator = openAsking(deps)
  const questions = createOpenQuestions<CheckResult | undefined>(limits)
  /** The oldest first. */
  const answers = new Map<string, CheckResult>()
  const timers = new Map<string, NodeJS.Timeout>()

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
    const answer = answers.get(key)
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

  function remember({ key, question }: Wanted, answer: CheckResult): void {
    forget(key)
    const [oldest] = answers.keys()
    if (oldest !== undefined && answers.size >= limits.answers) {
      log.warn({ answers: answers.size }, 'too many answers of evaluators: the oldest is forgotten')
      forget(oldest)
    }
    answers.set(key, answer)
    const leftMs = answer.validUntilMs - now()
    const again = () => {
      forget(key)
      void askAgain(question.subject.deviceId)
    }
    timers.set(key, setTimeout(again, Math.max(leftMs / 2, leftMs - AHEAD_MS)).unref())
  }

  function forget(key: string): void {
    clearTimeout(timers.get(key))
    timers.delete(key)
    answers.delete(key)
  }

  /** For flows that are still open; their old answers count until their own end meanwhile. */
  async function askAgain(deviceId: string): Promise<void> {
    const open = deps.flowsOf(deviceId).flatMap(({ facts }) => wantedBy(facts))
    const missing = open.filter((wanted) => answerTo(wanted) === undefined)
    if (missing.length === 0) return
    await Promise.all(missing.map(ask))
    deps.tell({ kind: 'device', deviceId })
  }

  function withAnswers(facts: Facts, found: readonly (readonly [string, CheckResult])[]): Facts {
    if (found.length === 0) return facts
    const evaluations = Object.freeze({ ...facts.evaluations, ...Object.fromEntries(found) })
    return Object.freeze({ ...facts, evaluations })
  }

  function known(facts: Facts): Facts {
    const found = wantedBy(facts).flatMap((wanted) => {
      const answer = answerTo(wanted)
      return answer === undefined ? [] : [[wanted.evaluator.name, answer] as const]
    })
    return withAnswers(facts, found)
  }

  return {
    known,
    gather(facts) {
      const wanted = wantedBy(facts)
      const missing = wanted.filter((one) => answerTo(one) === undefined)
      if (missing.length === 0) return known(facts)
      return Promise.all(
        wanted.map(async (one) => [one.evaluator.name, answerTo(one) ?? (await ask(one))] as const),
      ).then((all) =>
        withAnswers(
          facts,
          all.flatMap(([name, answer]) => (answer === undefined ? [] : [[name, answer] as const])),
        ),
      )
    },
    stop() {
      for (const timer of timers.values()) clearTimeout(timer)
    },
  }
}
