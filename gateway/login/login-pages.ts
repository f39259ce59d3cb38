/**
 * The part of pages that is about logging in: which ways there are, and the forms of our own providers.
 */
import type { Form, FormField } from '../identity/identity-provider.ts'
import { type Html, html } from './html.ts'
import type { Page } from './look.ts'

/** Links that begin a journey's login: links, since `form-action 'self'` would stop the redirect of a form. */
export function loginChoices(journeyId: string, providers: readonly string[]): Html {
  const links = providers.map((name) => {
    const query = new URLSearchParams({ provider: name, journey: journeyId }).toString()
    return html`<p><a class="button" href="/login/to?${query}">Log in with ${name}</a></p>\n`
  })
  return html`${links}`
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
