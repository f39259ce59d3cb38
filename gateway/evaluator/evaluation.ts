/**
 * The question to an external evaluator and its answer, as signed tokens (JWT, ES256). The answer is bound to the question
 * by its id, and counts until it expires, but never for long. Pure.
 */
import type { KeyObject } from 'node:crypto'
import { jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'
import type { CheckResult, Facts } from '../policy/facts.ts'

/** Longest time that an answer counts, ms. */
export const ANSWER_LIMIT_MS = 300_000
/** How long a question may be answered, seconds. */
const QUESTION_SECONDS = 60

/** What an evaluator is told. */
export type Question = {
  readonly subject: Facts['subject']
  readonly posture: Readonly<Record<string, boolean>>
  readonly sourceAddress: string
  readonly country?: string
  readonly application?: string
  readonly destination: Pick<Facts['destination'], 'host' | 'port' | 'transport'>
}

/** Between whom, about what. */
export type Exchange = {
  /** Our origin: issuer of the question, audience of the answer. */
  readonly issuer: string
  /** URL of the evaluator. */
  readonly evaluator: string
  /** Random. */
  readonly id: string
  /** Unix milliseconds. */
  readonly nowMs: number
}

/** What is told of a flow; the end of a posture result is not, since it changes with every report. */
export function questionOf(facts: Facts, application: string | undefined): Question {
  const { subject, posture = {}, sourceAddress, country, destination } = facts
  const { host, port, transport } = destination
  const checks = Object.entries(posture).map(([name, { passed }]) => [name, passed])
  return {
    subject,
    posture: Object.fromEntries(checks) as Record<string, boolean>,
    sourceAddress,
    ...(country !== undefined && { country }),
    ...(application !== undefined && { application }),
    destination: { host, port, transport },
  }
}

export function signQuestion(
  question: Question,
  { issuer, evaluator, id, nowMs }: Exchange,
  key: KeyObject,
): Promise<string> {
  const nowSeconds = Math.floor(nowMs / 1000)
  return new SignJWT({ facts: question })
    .setProtectedHeader({ alg: 'ES256', typ: 'zt-evaluation+jwt' })
    .setIssuer(issuer)
    .setAudience(evaluator)
    .setJti(id)
    .setIssuedAt(nowSeconds)
    .setExpirationTime(nowSeconds + QUESTION_SECONDS)
    .sign(key)
}

const answerShape = z.object({ allow: z.boolean(), exp: z.number(), jti: z.string() })

/** @returns what was answered; undefined for anything that is not an answer to this question. Never rejects. */
export async function readAnswer(
  token: string,
  { issuer, id, nowMs }: Exchange,
  key: KeyObject,
): Promise<CheckResult | undefined> {
  try {
    const { payload } = await jwtVerify(token.trim(), key, {
      algorithms: ['ES256'],
      audience: issuer,
      currentDate: new Date(nowMs),
      requiredClaims: ['exp', 'jti'],
    })
    const answer = answerShape.parse(payload)
    if (answer.jti !== id) return undefined
    const validUntilMs = Math.min(answer.exp * 1000, nowMs + ANSWER_LIMIT_MS)
    return { passed: answer.allow, validUntilMs }
  } catch {
    return undefined
  }
}
