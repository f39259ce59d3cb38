/** What may be asked of the DNS log. Filters are plain texts, compared as they stand (T92). Pure. */
import { z } from 'zod'
import { err, ok, type Result } from '#lib/result'
import { time } from '../admin/admin-query.ts'
import type { DnsLogLine } from './dns-log-line.ts'

const LIMIT = { default: 100, greatest: 1000 }

const shape = z.strictObject({
  since: time.exactOptional(),
  user: z.string().min(1).max(320).exactOptional(),
  device: z.string().min(1).max(64).exactOptional(),
  name: z.string().min(1).max(255).toLowerCase().exactOptional(),
  verdict: z.enum(['permit', 'override', 'denial']).exactOptional(),
  rule: z.string().min(1).max(256).exactOptional(),
  limit: z
    .string()
    .regex(/^[1-9]\d{0,3}$/)
    .exactOptional(),
  cursor: z
    .string()
    .regex(/^\d{1,15}$/)
    .exactOptional(),
})

export type DnsLogFilter = Pick<
  z.infer<typeof shape>,
  'user' | 'device' | 'name' | 'verdict' | 'rule'
>

export type DnsLogQuery = {
  readonly filter: DnsLogFilter
  /** Unix milliseconds. */
  readonly sinceMs: number
  readonly limit: number
  /** Lines before this one. */
  readonly before?: number
}

/** @returns else the key that is not understood. Never throws. */
export function parseDnsLogQuery(query: unknown): Result<DnsLogQuery, { readonly key: string }> {
  const parsed = shape.safeParse(query)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const key = issue?.code === 'unrecognized_keys' ? issue.keys[0] : issue?.path[0]
    return err({ key: String(key) })
  }
  const { since, limit, cursor, ...filter } = parsed.data
  return ok({
    filter,
    sinceMs: since === undefined ? 0 : Date.parse(since),
    limit: Math.min(Number(limit ?? LIMIT.default), LIMIT.greatest),
    ...(cursor !== undefined && { before: Number(cursor) }),
  })
}

export function isWanted(line: DnsLogLine, filter: DnsLogFilter): boolean {
  const { user, device, name, verdict, rule } = filter
  return (
    (user === undefined || line.email === user.toLowerCase()) &&
    (device === undefined || line.deviceId === device) &&
    (name === undefined || line.name === name || line.name.endsWith(`.${name}`)) &&
    (verdict === undefined || line.verdict === verdict) &&
    (rule === undefined || line.rule === rule)
  )
}
