/** A prompt in words: for the device, and for the terminal of an SSH client. */
import type { PromptNotice } from '#lib/wire/prompt-message'
import type { OpenPrompt } from './hold.ts'

/** @param to destination of the flow that waits. */
export function noticeOf(
  { id, application, remedy, url, reason, expiresAtMs }: OpenPrompt,
  { host, port }: Pick<OpenPrompt, 'host' | 'port'>,
): PromptNotice {
  return { promptId: id, application, host, port, remedy, url, reason, expiresAtMs }
}
