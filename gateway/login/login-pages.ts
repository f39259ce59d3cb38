/**
 * The part of pages that is about logging in: which ways there are, and the forms of our own providers.
 */
import type { Form, FormField } from '../identity/identity-provider.ts'
import { type Html, html } from './html.ts'
import type { Page } from './look.ts'

/** Links that begin a journey's login, `anew` so that the provider asks even whom it knows. Links, since `form-action 'self'` would stop the redirect of a form. */
export function loginLinks(
  journey: string,
  providers: readonly string[],
  how: 'usual' | 'anew' = 'usual',
): Html {
  const anew = how === 'anew' ? { anew: '1' } : {}
  const links = providers.map((provider) => {
    const query = new URLSearchParams({ provider, journey, ...anew }).toString()
    return html`<p><a class="button" href="/login/to?${query}">Log in with ${provider}</a></p>\n`
  })
  return html`${links}`
}

/** Offers to go on as who this browser is already. */
export function continueForm({
  email,
  csrf,
}: {
  readonly email: string
  readonly csrf: string
}): Html {
  return html`<form method="post" action="/login/continue">
<input type="hidden" name="csrf" value="${csrf}">
<p><button type="submit">Continue as ${email}</button></p>
</form>`
}

/** A form of a provider. What was typed is never shown again. */
export function formPage(
  { title, explanation, fields, submit }: Form,
  { csrf, problem }: { readonly csrf: string; readonly problem?: string | undefined },
): Page {
  return {
    title,
    body: html`${problemLine(problem)}${explanation === undefined ? html`` : html`<p>${explanation}</p>`}
<form method="post" action="/login/form">
<input type="hidden" name="csrf" value="${csrf}">
${fields.map((field, index) => input(field, index === 0))}
<p><button type="submit">${submit}</button></p>
</form>`,
  }
}

function input({ name, label, type, autocomplete }: FormField, isFirst: boolean): Html {
  const focus = isFirst ? html` autofocus` : html``
  return html`<p><label>${label}<br><input name="${name}" type="${type}" autocomplete="${autocomplete}" maxlength="1024" required${focus}></label></p>\n`
}

/** What was wrong with the last try. */
export function problemLine(problem: string | undefined): Html {
  return problem === undefined ? html`` : html`<p class="warning" role="alert">${problem}</p>`
}
