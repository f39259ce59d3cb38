/** What the gateway and the thread that reads commands tell each other. */
import type { SessionEvent } from '#lib/recording/session-event'
import type { Unread } from './unread-frames.ts'

/** The next frames of a session; no more come before they are answered. */
export type CommandBatch = {
  readonly session: string
  readonly frames: readonly Unread[]
  /** What was known of the session is forgotten first. */
  readonly begins: boolean
  /** Nothing more comes. */
  readonly ends: boolean
}

export type TypedCommand = SessionEvent & { readonly type: 'command' }

export type CommandAnswer = {
  readonly session: string
  readonly commands: readonly TypedCommand[]
}
