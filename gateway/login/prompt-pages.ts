/**
 * The pages of a connection that waits.
 */
import { printAuthority } from '#lib/net/endpoint'
import type { Prompt } from '../prompt/prompts.ts'
import { elsewhereWarning } from './device-pages.ts'
import { type Html, html } from './html.ts'
import { problemLine } from './login-pages.ts'
import type { Page } from './look.ts'

/** What a page shows of a prompt. */
export type PromptShown = Pick<
  Prompt,
  'deviceName' | 'sourceAddress' | 'userEmail' | 'application' | 'host' | 'port' | 'remedy'
> &
  Pick<Prompt, 'approval'> & {
    /** Address that the browser comes from. */
    readonly browserAddress: string
  }

/** Shows what waits, before anybody logs in. @param choices ways to log in. */
export function promptPage(prompt: PromptShown, choices: Html): Page {
  return {
    title: 'A connection waits for you',
    body: html`${promptDetails(prompt)}
<p>${WANTED[prompt.remedy]} Go on only if you have just started this connection yourself.</p>
${choices}`,
  }
}

/** Most that may be said, in characters. */
export const JUSTIFICATION_LIMIT = 500

/** Asks what the connection is for. */
export function justifyPage(
  prompt: PromptShown,
  { csrf, problem }: { readonly csrf: string; readonly problem: string | undefined },
): Page {
  return {
    title: 'What is this connection for?',
    body: html`${problemLine(problem)}${promptDetails(prompt)}
<p>What you write is recorded with the connection.</p>
<form method="post" action="/prompt/why">
<input type="hidden" name="csrf" value="${csrf}">
<p><label>Purpose<br><input name="why" autocomplete="off" maxlength="${`${JUSTIFICATION_LIMIT}`}" required autofocus></label></p>
<p><button type="submit">Continue</button></p>
</form>`,
  }
}

/** Says who must approve. */
export function approvalPage(prompt: PromptShown): Page {
  const { requestId = '', approvers = [] } = prompt.approval ?? {}
  return {
    title: 'Waiting for approval',
    body: html`${promptDetails(prompt)}
<p>Somebody must approve this connection. Tell them the number of the request.</p>
<dl><dt>Request</dt><dd>${requestId}</dd>
<dt>Who can approve</dt>${approvers.map((one) => html`<dd>${one}</dd>`)}</dl>`,
  }
}

const WANTED: Readonly<Record<Prompt['remedy'], string>> = {
  login: 'It goes on when you have logged in.',
  mfa: 'It goes on when you have logged in with a second factor.',
  justify: 'It goes on when you have logged in and said what it is for.',
  approval: '',
}

function promptDetails(prompt: PromptShown): Html {
  return html`${elsewhereWarning(prompt)}<dl>
<dt>Account</dt><dd>${prompt.userEmail}</dd>
<dt>Application</dt><dd>${prompt.application}</dd>
<dt>Destination</dt><dd>${printAuthority(prompt)}</dd>
<dt>Device</dt><dd>${prompt.deviceName}</dd>
<dt>Device's address</dt><dd>${prompt.sourceAddress}</dd>
<dt>Your address</dt><dd>${prompt.browserAddress}</dd>
</dl>`
}
