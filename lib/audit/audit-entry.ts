/**
 * One entry of the audit log, and the line it stands as. See docs/reference/audit-log.md.
 */
import { z } from 'zod'
import { canonicalJson } from './canonical-json.ts'

/** What entries are about. A reader takes others too: they come from a newer gateway. */
export type AuditKind =
  | 'gateway_started'
  | 'policy_revision'
  | 'history_expired'
  | 'admin_action'
  | 'admin_refused'
  | 'ssh_alert'
  | 'moderator_joined'
  | 'moderator_left'
  | 'recording_opened'
  | 'recording_closed'
  | 'recording_failed'
  | 'recording_viewed'
  | 'recording_held'
  | 'recording_released'
  | 'recording_shredded'
  | 'recording_expired'
  | 'recording_not_erased'
  | 'recording_exported'

const fact = z.union([z.string(), z.int(), z.boolean(), z.array(z.string())])
const entrySchema = z.strictObject({
  /** From 0, without a gap. */
  sequence: z.int().nonnegative(),
  atMs: z.int().nonnegative(),
  kind: z.string(),
  about: z.record(z.string(), fact),
})

export type AuditEntry = Readonly<z.infer<typeof entrySchema>>
/** Names and numbers; never a secret, never what a session said. */
export type AuditFacts = Readonly<Record<string, string | number | boolean | readonly string[]>>

/** Longest line that is written or read, octets. */
export const AUDIT_LINE_LIMIT = 65_536
/** Of one text; what is longer is cut, so that nobody can make a line that no reader takes. */
const TEXT_LIMIT = 1000
/** Of the texts of one list together; non-ASCII takes six octets for each. */
const LIST_LIMIT = 4000

/** The line of an entry, without line feed: canonical JSON, so that no value can forge another entry. */
export function printEntry(entry: {
  readonly sequence: number
  readonly atMs: number
  readonly kind: AuditKind
  readonly about: AuditFacts
}): string {
  const about = Object.entries(entry.about).map(([key, value]) => [key, clipped(value)])
  return canonicalJson({ ...entry, about: Object.fromEntries(about) })
}

/** Reads a line; undefined unless it is exactly what `printEntry` gives. */
export function parseEntry(line: string): AuditEntry | undefined {
  if (line.length > AUDIT_LINE_LIMIT) return undefined
  try {
    const parsed = entrySchema.safeParse(JSON.parse(line))
    return parsed.success && canonicalJson(parsed.data) === line ? parsed.data : undefined
  } catch {
    return undefined
  }
}

function clipped(value: AuditFacts[string]): AuditFacts[string] {
  if (typeof value === 'string') return value.slice(0, TEXT_LIMIT)
  return typeof value === 'object' ? clippedList(value) : value
}

/** What does not fit is counted. */
function clippedList(texts: readonly string[]): readonly string[] {
  const kept: string[] = []
  let size = 0
  for (const text of texts.map((one) => one.slice(0, TEXT_LIMIT))) {
    size += Math.max(text.length, 1)
    if (size > LIST_LIMIT) return [...kept, `${texts.length - kept.length} more`]
    kept.push(text)
  }
  return kept
}
