/**
 * The commands of a recording, in order of time.
 */
import { CommandIndex } from '#lib/recording/command-index'
import type { CommandEvent, CommandLine } from '#lib/recording/command-line'
import type { ReadError } from '#lib/recording/recording-reader'
import { toPrintableJson } from '#lib/recording/view'
import type { Result } from '#lib/result'
import type { RecipientKey } from '#lib/seal/recipient-key'
import { visible } from '../printable.ts'
import { type ByteSource, type ReadSummary, readRecording } from './read-recording.ts'

/** A line, and how its command ended, where a shell said so. */
export type ListedCommand = CommandLine & { readonly exitCode?: number }

/** Reads a whole recording. @returns how reading ended, and the commands up to there. */
export async function listCommands(
  source: ByteSource,
  keys: readonly RecipientKey[],
): Promise<{
  readonly read: Result<ReadSummary, ReadError>
  readonly commands: readonly ListedCommand[]
}> {
  const index = new CommandIndex()
  const events: CommandEvent[] = []
  const read = await readRecording(source, keys, async (frame) => {
    events.push(...(await index.feed(frame)))
  })
  events.push(...(await index.end()))
  return { read, commands: joined(events) }
}

/** A line is known only when it was echoed, so events of several channels are not in order yet. */
function joined(events: readonly CommandEvent[]): readonly ListedCommand[] {
  const commands: ListedCommand[] = []
  const marked = new Map<number, number>()
  for (const event of events) {
    const started = marked.get(event.channel)
    const before = started === undefined ? undefined : commands[started]
    if (event.type === 'command') {
      if (event.source === 'osc133' && event.confidence !== 'forged') {
        marked.set(event.channel, commands.length)
      }
      commands.push(event)
    } else if (started !== undefined && before)
      commands[started] = { ...before, exitCode: event.code }
  }
  return commands.sort((one, other) => one.timeUs - other.timeUs)
}

/** Lines for people: the text comes last, however long it is. */
export function commandLines(commands: readonly ListedCommand[]): readonly string[] {
  const rows = [HEADINGS, ...commands.map(cells)]
  // The last column is as wide as it is.
  const widths = HEADINGS.slice(0, -1).map((_, at) =>
    rows.reduce((width, row) => Math.max(width, row[at]?.length ?? 0), 0),
  )
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

const HEADINGS = ['at', 'channel', 'offset', 'source', 'confidence', 'exit', 'command']

function cells(command: ListedCommand): readonly string[] {
  const { timeUs, channel, outputBytes, source, confidence, exitCode = '', text } = command
  const numbers = [(timeUs / 1_000_000).toFixed(3), String(channel), String(outputBytes)]
  return [...numbers, source, confidence, String(exitCode), visible(text)]
}

/** A JSON array for programs: times in seconds, offsets in octets of the channel's output. */
export function commandsJson(commands: readonly ListedCommand[]): string {
  return toPrintableJson(
    commands.map(({ type: _, timeUs, outputBytes, ...rest }) => {
      return { at: timeUs / 1_000_000, offset: outputBytes, ...rest }
    }),
  )
}
