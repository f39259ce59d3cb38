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
export const LOGGED_OUT: PageMessage = {
  status: 200,
  title: 'Logged out',
  message: 'This browser is logged out here. Your identity provider may still know you.',
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
  different_user:
    'You are somebody else than the user of the device that waits. Open the page once more and use another account.',
  prompt_expired: 'The connection does not wait any more. Start it once more.',
  login_too_old: 'Your last login is too old for this application. Log in anew.',
  login_too_weak: 'This application asks for a stronger login, for example with a second factor.',
}

/** Which check refused is in the log, for the administrator. */
const BAD_RESPONSE =
  'The answer of the identity provider was not accepted. Tell your administrator.'
const STALE_RESPONSE =
  'The answer of the identity provider does not belong to this login. Start again.'

const LOGIN_SENTENCES: Readonly<Record<LoginReason, string>> = {
  provider_unreachable: 'The identity provider cannot be reached. Try again in a minute.',
  provider_refused: 'The identity provider refused the login.',
  bad_provider_answer: 'The answer of the identity provider was not valid. Start again.',
  no_email: 'The identity provider did not say your email address.',
  bad_email: 'Your email address has a form that cannot be used here.',
  email_unverified: 'Your email address is not verified at the identity provider.',
  bad_claims: 'The identity provider said something about you that cannot be read.',
  bad_groups: 'The identity provider did not say your groups in full. Tell your administrator.',
  saml_too_large: BAD_RESPONSE,
  saml_malformed: BAD_RESPONSE,
  saml_unsafe_xml: BAD_RESPONSE,
  saml_encrypted: 'The identity provider encrypts its answers, which is not supported.',
  saml_not_one_assertion: BAD_RESPONSE,
  saml_unsigned: 'The identity provider does not sign assertions. Tell your administrator.',
  saml_weak_algorithm: 'The identity provider signs with an algorithm that is not safe.',
  saml_bad_signature: BAD_RESPONSE,
  saml_wrong_issuer: BAD_RESPONSE,
  saml_wrong_audience: BAD_RESPONSE,
  saml_wrong_recipient: BAD_RESPONSE,
  saml_wrong_request: STALE_RESPONSE,
  saml_not_yet_valid: 'The clocks of the identity provider and of the gateway differ.',
  saml_expired: STALE_RESPONSE,
  saml_old_login: 'The identity provider did not ask you to log in afresh. Start again.',
  saml_bad_subject: 'The identity provider did not say who you are in a lasting way.',
  saml_replayed: STALE_RESPONSE,
}
