/** Logs that the admin API answers in pages, newest first. */
import { z } from 'zod'
import { readAnswer } from '../admin-answer.ts'
import { type CliFailure, type CliIo, EXIT } from '../cli-io.ts'
import { parseSince } from '../since.ts'

/** What every list of log lines takes. */
export type LookBackOptions = { readonly since?: string; readonly limit: string }

export type LookBack = {
  /** Lines, at most. */
  readonly limit: number
  /** `since` as the API takes it. */
  readonly query: Readonly<Record<string, string>>
}

const PAGE_SIZE = 1000

/** Reads `--limit` and `--since`. */
export function readLookBack(
  { since, limit: limitText }: LookBackOptions,
  nowMs: number,
): LookBack | CliFailure {
  const limit = /^[1-9]\d{0,6}$/.test(limitText) ? Number(limitText) : undefined
  if (limit === undefined) return BAD_LIMIT
  if (since === undefined) return { limit, query: {} }
  const from = parseSince(since, nowMs)
  return from.ok ? { limit, query: { since: from.value } } : from.error
}

/** The newest lines that a query finds, newest first. */
export async function lookBack<Line>(
  io: CliIo,
  path: string,
  line: z.ZodType<Line>,
  { query, limit }: LookBack,
): Promise<Line[] | CliFailure> {
  const page = z.looseObject({ lines: z.array(line), next: z.string().exactOptional() })
  const lines: Line[] = []
  let cursor: string | undefined
  do {
    const size = String(Math.min(PAGE_SIZE, limit - lines.length))
    const more = cursor === undefined ? {} : { cursor }
    const asked = new URLSearchParams({ ...query, limit: size, ...more })
    const answer = await io.admin.getJson(`${path}?${asked.toString()}`)
    const read = answer.ok ? readAnswer(page, answer.value) : answer
    if (!read.ok) return read.error
    lines.push(...read.value.lines)
    cursor = read.value.next
  } while (cursor !== undefined && lines.length < limit)
  return lines
}

const BAD_LIMIT: CliFailure = {
  code: 'bad_limit',
  message: 'The limit is a whole number of lines.',
  exitCode: EXIT.usage,
}
