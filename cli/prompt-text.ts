/** Prompts as text for people. Pure; what came from outside is stripped of control characters. */
import type { WatchEvent } from '#lib/api/control-api'
import type { PromptNotice } from '#lib/wire/prompt-message'
import { printable } from './printable.ts'

const DEEDS: Readonly<Record<PromptNotice['remedy'], string>> = {
  login: 'log in',
  mfa: 'log in with a second factor',
  justify: 'say what it is for',
  approval: 'see who must approve',
}

/** `log in at URL to reach APP (waits until 12:34:56)`, in local time. */
export function promptLine({ remedy, url, application, expiresAtMs }: PromptNotice): string {
  const until = new Date(expiresAtMs).toLocaleTimeString('sv')
  const deed = `${DEEDS[remedy]} at ${printable(url)} to reach ${printable(application)}`
  return `${deed} (waits until ${until})`
}

const OUTCOMES = {
  satisfied: 'the connection goes on',
  expired: 'nothing was done in time, the connection was ended',
  refused: 'the connection was refused',
} as const

/** What happened, on one line. @param application of the prompt, where it is known. */
export function eventLine(event: WatchEvent, application: string | undefined): string {
  switch (event.kind) {
    case 'prompt':
      return promptLine(event.prompt)
    case 'prompt_ended':
      return `${printable(application ?? event.promptId)}: ${OUTCOMES[event.outcome]}`
    case 'notice':
      return `${printable(event.sentence)} (${printable(event.reason)})`
  }
}
