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

const NEEDS: Readonly<Record<OpenPrompt['remedy'], string>> = {
  login: 'needs you to log in',
  mfa: 'needs you to log in with a second factor',
  justify: 'needs you to say what the connection is for',
  approval: 'needs somebody to approve the connection',
}

/** One line of plain text. */
export function bannerLine({ application, remedy, url }: OpenPrompt): string {
  return `zt: ${application} ${NEEDS[remedy]}: ${url}`
}
