/** Times as `--since` takes them: how long ago (`30d`), or RFC 3339 in UTC. Pure. */
import { duration } from '#lib/config/text-shapes'
import { err, ok, type Result } from '#lib/result'
import { type CliFailure, EXIT } from './cli-io.ts'

/** @returns RFC 3339 in UTC. */
export function parseSince(text: string, nowMs: number): Result<string, CliFailure> {
  const { value: agoMs } = duration.decode(text, [])
  const atMs = agoMs === undefined ? Date.parse(text) : nowMs - agoMs
  if (!Number.isNaN(atMs) && (agoMs !== undefined || /^\d{4}-\d\d-\d\dT.*Z$/.test(text))) {
    return ok(new Date(atMs).toISOString())
  }
  const message = `${text} is no time; write for example 30d, or 2026-01-31T00:00:00Z.`
  return err({ code: 'bad_since', message, exitCode: EXIT.usage })
}
