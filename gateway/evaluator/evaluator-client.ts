/** One question to one evaluator, over HTTPS. */
import { createPublicKey, type KeyObject, randomUUID } from 'node:crypto'
import type { Log } from '#lib/log'
import { type ProviderFetch, providerFetch } from '../identity/provider-fetch-client.ts'
import type { Evaluator } from '../policy/document.ts'
import type { CheckResult } from '../policy/facts.ts'
import { type Question, readAnswer, signQuestion } from './evaluation.ts'

export type AskingDeps = {
  /** Signs questions; P-256. */
  readonly signingKey: KeyObject
  /** Our origin. */
  readonly issuer: string
  readonly log: Log
  /** Unix milliseconds. */
  readonly now: () => number
}

/** @returns what was answered in time; undefined for anything else, which is logged. Never rejects. */
export type AskEvaluator = (
  evaluator: Evaluator,
  question: Question,
) => Promise<CheckResult | undefined>

export function openAsking({ signingKey, issuer, log, now }: AskingDeps): AskEvaluator {
  const fetches = new WeakMap<Evaluator, ProviderFetch>()
  return async (evaluator, question) => {
    const { name, url, timeoutMs, ca, publicKey } = evaluator
    const between = { issuer, evaluator: url, id: randomUUID(), nowMs: now() }
    const fetch = fetches.get(evaluator) ?? providerFetch(ca)
    fetches.set(evaluator, fetch)
    try {
      const body = await signQuestion(question, between, signingKey)
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
}
