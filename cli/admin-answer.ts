/** Answers of the admin API, taken apart. Pure. */
import type { z } from 'zod'
import { err, ok, type Result } from '#lib/result'
import { type CliFailure, EXIT } from './cli-io.ts'

/** An answer without its end. */
export const BROKEN_OFF: CliFailure = {
  code: 'broken_off',
  message: 'The answer broke off before its end; what was asked for may be done all the same.',
  exitCode: EXIT.failed,
}

/** Thrown where an answer is read as it comes; `main` reports it. */
export class BrokenOffError extends Error {
  constructor() {
    super(BROKEN_OFF.message)
  }
}

/** What of an answer a command works with; what is more in it is no matter. */
export function readAnswer<T>(shape: z.ZodType<T>, answer: unknown): Result<T, CliFailure> {
  const parsed = shape.safeParse(answer)
  if (parsed.success) return ok(parsed.data)
  const message = 'The admin API answered with something else than expected. Update zt.'
  return err({ code: 'bad_answer', message, exitCode: EXIT.failed })
}
