/** Answers of the admin API, taken apart. Pure. */
import type { z } from 'zod'
import { err, ok, type Result } from '#lib/result'
import { type CliFailure, EXIT } from './cli-io.ts'

/** What of an answer a command works with; what is more in it is no matter. */
export function readAnswer<T>(shape: z.ZodType<T>, answer: unknown): Result<T, CliFailure> {
  const parsed = shape.safeParse(answer)
  if (parsed.success) return ok(parsed.data)
  const message = 'The admin API answered with something else than expected. Update zt.'
  return err({ code: 'bad_answer', message, exitCode: EXIT.failed })
}
