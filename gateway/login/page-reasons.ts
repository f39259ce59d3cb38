/**
 * What a browser shows at the end of a way, good or bad. Texts are ours alone.
 */
import type { EnrolReason } from '#lib/api/enrol-api'
import { enrolSentence } from '../enrol/reasons.ts'
import type { LoginReason } from '../identity/login-error.ts'
import type { PromptReason } from '../prompt/prompts.ts'

/** A page that only says something. */
export type PageMessage = {
  readonly status: number
  readonly title: string
  readonly message: string
}

/** The step does not follow from where this browser stands: an old tab, a planted link, another browser. */
export const START_AGAIN: PageMessage = {
  status: 400,
  title: 'Please start again',
  message:
    'This page has expired or belongs to another browser. Start once more from your terminal.',
}
export const FORGED: PageMessage = {
  status: 403,
  title: 'Not accepted',
  message: 'The form was not sent from our own page. Start once more from your terminal.',
}
export const TOO_MANY: PageMessage = {
  status: 429,
  title: 'Too many tries',
  message: 'Wait some minutes, then try again.',
}
export const DENIED: PageMessage = {
  status: 200,
  title: 'Denied',
  message: 'The device was not let in. You may close this page.',
}
export const CONFIRMED: PageMessage = {
  status: 200,
  title: 'Device connected',
  message: 'Go back to your terminal. You may close this page.',
}
export const PROMPT_DONE: PageMessage = {
  status: 200,
  title: 'Done',
  message: 'You may close this page; your connection goes on.',
}
export const PROMPT_GONE: PageMessage = {
  status: 404,
  title: 'Nothing waits here',
  message: 'The connection has gone on, or has ended. Start it once more.',
}

/** Why nobody was logged in. */
export function loginRefusal(reason: LoginReason): PageMessage {
  const status = reason === 'provider_unreachable' ? 502 : 403
  return { status, title: 'Login failed', message: LOGIN_SENTENCES[reason] }
}

/** Why the person who logged in may not have this device. */
export function ownerRefusal(reason: EnrolReason): PageMessage {
  return { status: 403, title: 'Not possible', message: `${enrolSentence(reason)} (${reason})` }
}

/** Why the connection does not go on. */
export function promptRefusal(reason: PromptReason): PageMessage {
  return { status: 403, title: 'Not possible', message: `${PROMPT_SENTENCES[reason]} (${reason})` }
}

const PROMPT_SENTENCES: Readonly<Record<PromptReason, string>> = {
  different_user: 'You are somebody else than the user of the device that waits.',
  prompt_expired: 'The connection does not wait any more. Start it once more.',
  login_too_old: 'Your last login is too old for this application. Log in anew.',
  login_too_weak: 'This application asks for a stronger login, for example with a second factor.',
}

const LOGIN_SENTENCES: Readonly<Record<LoginReason, string>> = {
  provider_unreachable: 'The identity provider cannot be reached. Try again in a minute.',
  provider_refused: 'The identity provider refused the login.',
  bad_provider_answer: 'The answer of the identity provider was not valid. Start again.',
  no_email: 'The identity provider did not say your email address.',
  bad_email: 'Your email address has a form that cannot be used here.',
  email_unverified: 'Your email address is not verified at the identity provider.',
  bad_claims: 'The identity provider said something about you that cannot be read.',
  bad_groups: 'The identity provider did not say your groups in full. Tell your administrator.',
}
