/** What may be asked of the access log. Filters are plain texts, compared as they stand (T92). Pure. */
import { z } from 'zod'
import { err, ok, type Result } from '#lib/result'
import { time } from '../admin/admin-query.ts'
import type { FlowRecord } from '../flow/flow-record.ts'
import type { FlowPage } from '../store/store.ts'

const LIMIT = { default: 100, greatest: 1000 }
const CURSOR = /^(\d{1,16}):([\x21-\x7e]{1,64})$/

const shape = z.strictObject({
  since: time.exactOptional(),
  user: z.string().min(1).max(320).exactOptional(),
  application: z.string().min(1).max(256).exactOptional(),
  decision: z.enum(['permit', 'denial']).exactOptional(),
  reason: z.string().min(1).max(64).exactOptional(),
  limit: z
    .string()
    .regex(/^[1-9]\d{0,3}$/)
    .exactOptional(),
  cursor: z.string().max(128).exactOptional(),
  follow: z.enum(['true', 'false']).exactOptional(),
})

export type AccessFilter = Pick<
  z.infer<typeof shape>,
  'user' | 'application' | 'decision' | 'reason'
>

export type AccessQuery = {
  readonly filter: AccessFilter
  /** Unix milliseconds. */
  readonly sinceMs: number
  readonly limit: number
  /** Where to go on. */
  readonly from: Omit<FlowPage, 'limit'>
  readonly follow: boolean
}

/** @returns else the key that is not understood. Never throws. */
export function parseAccessQuery(query: unknown): Result<AccessQuery, { readonly key: string }> {
  const parsed = shape.safeParse(query)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const key = issue?.code === 'unrecognized_keys' ? issue.keys[0] : issue?.path[0]
    return err({ key: String(key) })
  }
  const { since, limit, cursor, follow, ...filter } = parsed.data
  const from = cursor === undefined ? {} : placeOf(cursor)
  if (from === undefined) return err({ key: 'cursor' })
  return ok({
    filter,
    sinceMs: since === undefined ? 0 : Date.parse(since),
    limit: Math.min(Number(limit ?? LIMIT.default), LIMIT.greatest),
    from,
    follow: follow === 'true',
  })
}

/** The place behind a record, to go on from. */
export function cursorOf({ openedAtMs, id }: Pick<FlowRecord, 'openedAtMs' | 'id'>): string {
  return Buffer.from(`${openedAtMs}:${id}`).toString('base64url')
}

export function matches(record: FlowRecord, filter: AccessFilter): boolean {
  const { user, application, decision, reason } = filter
  return (
    (user === undefined || record.facts?.subject?.email === user.toLowerCase()) &&
    (application === undefined || record.application === application) &&
    (decision === undefined || record.verdict === decision) &&
    (reason === undefined || record.reason === reason)
  )
}

function placeOf(cursor: string): AccessQuery['from'] | undefined {
  const [, ms, id] = CURSOR.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  return ms === undefined || id === undefined ? undefined : { beforeMs: Number(ms), beforeId: id }
}
