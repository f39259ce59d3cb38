/** Asks the gateway for names of ours: one DNS message each, inside the tunnel. */
import { z } from 'zod'
import type { Result } from '#lib/result'
import type { AskError, PostAnswer } from '../tunnel/tunnel.ts'
import type { AskGateway, GatewayReply } from './existence.ts'

type Post = (path: string, body: string) => Promise<Result<PostAnswer, AskError>>

/** A stub resolver gives up after 5 s. */
const DEADLINE_MS = 4_000

const replyShape = z.union([
  z.strictObject({ answer: z.base64url() }),
  z.strictObject({ refused: z.string().max(64) }),
])

/** @param post of the tunnel; `not_connected` without one. */
export function createAskGateway(post: Post, deadlineMs = DEADLINE_MS): AskGateway {
  return async (query) => {
    const body = JSON.stringify({ query: Buffer.from(query).toString('base64url') })
    const posted = await Promise.race([post('/dns', body), expiry(deadlineMs)])
    return posted.ok
      ? readReply(posted.value)
      : { kind: 'unreachable', reason: posted.error.reason }
  }
}

function expiry(ms: number): Promise<Result<PostAnswer, AskError>> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms, { ok: false, error: { reason: 'timeout' } }).unref()
  })
}

function readReply({ status, body }: PostAnswer): GatewayReply {
  if (status === 404) return { kind: 'absent' }
  const parsed = status === 200 ? replyShape.safeParse(readJson(body)) : undefined
  if (!parsed?.success) return { kind: 'unreachable', reason: 'bad_gateway_answer' }
  const reply = parsed.data
  return 'answer' in reply
    ? { kind: 'answer', message: Buffer.from(reply.answer, 'base64url') }
    : { kind: 'refused', reason: reply.refused }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
