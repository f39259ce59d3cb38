/**
 * The front page, and the question before logging out.
 */
import { html } from './html.ts'
import type { Page } from './look.ts'

/** Who this browser is. @param email absent: nobody is logged in. */
export function homePage(email: string | undefined): Page {
  const who =
    email === undefined
      ? html`<p>Nobody is logged in with this browser. You are asked to when a device or a connection needs it.</p>`
      : html`<p>You are logged in as <strong>${email}</strong>.</p>
<p><a href="/logout">Log out</a></p>`
  return { title: 'Login', body: html`${who}\n<p><a href="/device">Connect a device</a></p>` }
}

/** Asks before logging out. */
export function logoutPage({
  email,
  csrf,
}: {
  readonly email: string
  readonly csrf: string
}): Page {
  return {
    title: 'Log out?',
    body: html`<p>This browser is logged in as <strong>${email}</strong>. Devices stay connected.</p>
<form method="post" action="/logout">
<input type="hidden" name="csrf" value="${csrf}">
<p><button type="submit" autofocus>Log out</button></p>
</form>`,
  }
}
