/**
 * What a session's commands look like in an index. Everything but facts is read from what a terminal showed:
 * it helps to find a place in a recording, and proves nothing.
 */
import type { Confidence, TypedSource } from './command-origin.ts'
import type { SessionEvent } from './session-event.ts'

/** Where a line comes from. */
export type CommandSource =
  /** Requests of SSH and operations of SFTP: they were asked for in these words. */
  'exec' | 'shell' | 'subsystem' | 'sftp' | TypedSource

/** When, and where in a recording: a replay from `timeUs` on shows the screen as it was. */
export type Moment = {
  readonly channel: number
  readonly timeUs: number
  /** Octets that the channel had printed by then. */
  readonly outputBytes: number
}

/** One line of the index. Text is as it was printed, control characters left out; it may still be deceptive. */
export type CommandLine = Moment & {
  readonly type: 'command'
  readonly source: CommandSource
  readonly confidence: Confidence
  readonly text: string
  /** What a fact says besides. */
  readonly fact?: SessionEvent
}

/** The last command with source `osc133` of the channel has ended. */
export type CommandEnd = Moment & { readonly type: 'exit'; readonly code: number }

export type CommandEvent = CommandLine | CommandEnd

/** The text of a `hidden` line. */
export function hiddenText(characters: number): string {
  return characters === 1 ? '[1 character not echoed]' : `[${characters} characters not echoed]`
}
