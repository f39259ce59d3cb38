/** A log that keeps its lines for a test to look at. */
import type { Log, LogFields } from '#lib/log'

export type LogLine = { readonly fields: LogFields; readonly message: string }

export function memoryLog(): { readonly log: Log; readonly lines: LogLine[] } {
  const lines: LogLine[] = []
  const write = (fields: LogFields, message: string): void => void lines.push({ fields, message })
  return { log: { info: write, warn: write, error: write }, lines }
}
