/**
 * Queries of the admin API: what may stand behind the `?`. Unknown keys are refused (T92). Pure.
 */
import { z } from 'zod'
import { err, ok, type Result } from '#lib/result'
import type { Page, RecordingPage } from '../store/store.ts'

const DEFAULT_LIMIT = 100
const GREATEST_LIMIT = 1000
/** RFC 3339 in UTC, as our own answers print it. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/

/** Shape of such a time in a body or query. */
export const time = z
  .string()
  .regex(TIME)
  .refine((text) => !Number.isNaN(Date.parse(text)))

export type QueryError = {
  readonly reason: 'unknown_query_key' | 'bad_limit' | 'bad_before' | 'bad_parent'
  readonly key: string
}

/** Parses `limit` (1 to 1000) and `before` (RFC 3339). Never throws. */
export function parsePage(query: Readonly<Record<string, unknown>>): Result<Page, QueryError> {
  const unknown = Object.keys(query).find((key) => key !== 'limit' && key !== 'before')
  if (unknown !== undefined) return err({ reason: 'unknown_query_key', key: unknown })
  const limit = query['limit'] === undefined ? DEFAULT_LIMIT : Number(query['limit'])
  if (!Number.isInteger(limit) || limit < 1 || limit > GREATEST_LIMIT) {
    return err({ reason: 'bad_limit', key: 'limit' })
  }
  const before = query['before']
  if (before === undefined) return ok({ limit })
  const beforeMs = typeof before === 'string' && TIME.test(before) ? Date.parse(before) : Number.NaN
  return Number.isNaN(beforeMs)
    ? err({ reason: 'bad_before', key: 'before' })
    : ok({ limit, beforeMs })
}

/** The same with `parent`: the id of a recording, or `none`. Never throws. */
export function parseRecordingPage({
  parent,
  ...rest
}: Readonly<Record<string, unknown>>): Result<RecordingPage, QueryError> {
  const page = parsePage(rest)
  if (!page.ok || parent === undefined) return page
  if (typeof parent !== 'string' || parent === '')
    return err({ reason: 'bad_parent', key: 'parent' })
  return ok({ ...page.value, parent: parent === 'none' ? null : parent })
}
