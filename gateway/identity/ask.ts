/** A form to show, as a step. */
import type { Form, FormStep, PendingLogin } from './identity-provider.ts'

export type Ask = FormStep & { readonly kind: 'ask' }

/** @param problem what was wrong with the last one. */
export function ask(form: Form, pending: PendingLogin, problem?: string): Ask {
  return { kind: 'ask', form, pending, ...(problem !== undefined && { problem }) }
}
