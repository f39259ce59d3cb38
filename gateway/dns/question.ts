/** The body of `POST /dns`: one DNS question. */
import { z } from 'zod'
import { TYPE } from '#lib/dns/codes'
import { type BadQuery, type DnsQuery, readQuery } from '#lib/dns/query'
import { err, ok, type Result } from '#lib/result'

/** Why a body holds no question that is answered. */
export type QuestionError = {
  readonly reason: 'malformed' | 'query_too_long' | 'not_a_query' | 'meta_type' | BadQuery['reason']
}

/** A name of 255 octets, and room for options. */
const QUERY_LIMIT_OCTETS = 4096
const bodyShape = z.strictObject({ query: z.base64url() })
/** Transfers, and what is about the transport (RFC 6895 section 3.1); ANY is answered by whoever is asked. */
const META = { first: 128, last: 255 }

/** Reads the question; what is itself an answer, or asks more than one thing, is none. Never throws. */
export function readQuestion(body: string): Result<DnsQuery, QuestionError> {
  const parsed = bodyShape.safeParse(readJson(body))
  if (!parsed.success) return err({ reason: 'malformed' })
  const message = Buffer.from(parsed.data.query, 'base64url')
  if (message.length > QUERY_LIMIT_OCTETS) return err({ reason: 'query_too_long' })
  const query = readQuery(message)
  if (query === undefined) return err({ reason: 'not_a_query' })
  if (!query.ok) return err({ reason: query.error.reason })
  return isMeta(query.value.type) ? err({ reason: 'meta_type' }) : ok(query.value)
}

/** Types that ask for something else than records. */
export function isMeta(type: number): boolean {
  return type === TYPE.OPT || (type >= META.first && type <= META.last && type !== TYPE.ANY)
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
