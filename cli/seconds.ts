/** Durations of options, as the API takes them. Pure. */
import { duration } from '#lib/config/text-shapes'
import { err, ok, type Result } from '#lib/result'
import { type CliFailure, EXIT } from './cli-io.ts'

/** @param text as in `90m`; without it there is no key. */
export function seconds(
  key: string,
  text: string | undefined,
): Result<Readonly<Record<string, number>>, CliFailure> {
  if (text === undefined) return ok({})
  const { value, mistakes } = duration.decode(text, [])
  if (value !== undefined) return ok({ [key]: Math.floor(value / 1000) })
  const message = mistakes[0]?.message ?? 'bad duration'
  return err({ code: 'bad_duration', message, exitCode: EXIT.usage })
}
