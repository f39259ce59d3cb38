/**
 * Asks external evaluators, and remembers what they said for as long as they said it. What is not known is left out:
 * it admits nobody. For flows that are open an evaluator is asked again before its answer expires.
 */
import { createPublicKey, type KeyObject, randomUUID } from 'node:crypto'
import type { Log } from '#lib/log'
import type { AccessChange } from '../access-change.ts'
import { type ProviderFetch, providerFetch } from '../identity/provider-fetch-client.ts'
import type { CompiledPolicy } from '../policy/compile.ts'
import type { Evaluator } from '../policy/document.ts'
import type { CheckResult, Facts } from '../policy/facts.ts'
import { neededEvaluations } from '../policy/needed-evaluations.ts'
import { type Question, questionOf, readAnswer, signQuestion } from './evaluation.ts'

export type EvaluationDeps = {
  readonly policy: () => CompiledPolicy
  /** Live flows of a device. */
  readonly flowsOf: (deviceId: string) => readonly { readonly facts: Facts }[]
  readonly tell: (change: AccessChange) => unknown
  /** Signs questions; P-256. */
  readonly signingKey: KeyObject
  /** Our origin. */
  readonly issuer: string
  readonly log: Log
  /** Unix milliseconds. */
  readonly now: () => number
}

export interface Evaluations {
  /** The facts with the answers that their decision looks at; at once when all are known or none is needed. */
  gather(facts: Facts): Facts | Promise<Facts>
  /** The facts with the newest answers that are known. */
  known(facts: Facts): Facts
  stop(): void
}

/** Answers that are remembered, at most. */
const ANSWERS_LIMIT = 10_000
/** Questions that wait for an answer, at most; above, the answer is not known. */
const WAITING_LIMIT = 256
/** How long before its end an answer is asked for again, ms, and at the latest half-way. */
const AHEAD_MS = 15_000

type Wanted = { readonly evaluator: Evaluator; readonly key: string; readonly question: Question }

export function openEvaluations(deps: EvaluationDeps): Evaluations {
  const { policy, log, now } = deps
  const answers = new Map<string, CheckResult>()
  const waiting = new Map<string, Promise<CheckResult | undefined>>()
  const timers = new Map<string, NodeJS.Timeout>()
  const fetches = new WeakMap<Evaluator, ProviderFetch>()

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
    const { key } = wanted
    const asked = waiting.get(key)
    if (asked !== undefined) return asked
    if (waiting.size >= WAITING_LIMIT) return Promise.resolve(undefined)
    const answer = exchange(wanted).then((result) => {
      waiting.delete(key)
      if (result !== undefined && answers.size < ANSWERS_LIMIT) remember(wanted, result)
      return result
    })
    waiting.set(key, answer)
    return answer
  }

  /** Never rejects. */
  async function exchange({ evaluator, question }: Wanted): Promise<CheckResult | undefined> {
    const { name, url, timeoutMs, ca, publicKey } = evaluator
    const between = { issuer: deps.issuer, evaluator: url, id: randomUUID(), nowMs: now() }
    const fetch = fetches.get(evaluator) ?? providerFetch(ca)
    fetches.set(evaluator, fetch)
    try {
      const body = await signQuestion(question, between, deps.signingKey)
      const signal = AbortSignal.timeout(timeoutMs)
      const headers = { 'content-type': 'application/jwt', accept: 'application/jwt' }
      const response = await fetch(url, {
        method: 'POST',
        redirect: 'error',
        headers,
        body,
        signal,
      })
      const token = response.status === 200 ? await response.text() : ''
      const answer = await readAnswer(token, between, createPublicKey(publicKey))
      if (answer === undefined) log.warn({ evaluator: name, status: response.status }, 'no answer')
      return answer
    } catch (error) {
      log.warn({ evaluator: name, error: String(error) }, 'evaluator not reached')
      return undefined
    }
  }

  function remember({ key, question }: Wanted, answer: CheckResult): void {
    answers.set(key, answer)
    const leftMs = answer.validUntilMs - now()
    clearTimeout(timers.get(key))
    const again = () => {
      timers.delete(key)
      answers.delete(key)
      void askAgain(question.subject.deviceId)
    }
    timers.set(key, setTimeout(again, Math.max(leftMs / 2, leftMs - AHEAD_MS)).unref())
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
