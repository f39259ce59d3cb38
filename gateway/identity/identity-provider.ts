/**
 * What the login origin asks of an identity provider. There are two kinds: those that a browser is sent to and comes
 * back from, and those whose forms the login origin shows itself.
 */
import type { Result } from '#lib/result'
import type { Identity } from './identity.ts'
import type { LoginReason } from './login-error.ts'

export type LoginResult<T> = Result<T, { readonly reason: LoginReason }>

/** What this login must come to. */
export type LoginWish = {
  /** The person must have proved who they are within this time, seconds. */
  readonly maxAgeSeconds?: number
  /** Authentication context classes of which the provider shall use one, best first. */
  readonly acrValues?: readonly string[]
  /** The provider shall ask who is there even if it knows somebody: another account is wanted. */
  readonly anew?: boolean
}

/**
 * What is remembered between two steps of a login: sealed into the browser's cookie, so it stays small (under 2 KiB),
 * and an old one may be played back: what must happen once is kept in the store.
 */
export type PendingLogin = Readonly<Record<string, string>>

/** A provider elsewhere: OpenID Connect, GitHub, SAML. */
export interface RedirectProvider {
  readonly kind: 'redirect'
  readonly name: string
  /** Path on the login origin where the browser comes back, for example `/oidc/callback`. */
  readonly callbackPath: string
  /** How it comes back: by a link, or by a form that the provider's page posts. */
  readonly returns: 'query' | 'form'
  /** Where to send the browser, and what to remember. */
  begin(
    wish: LoginWish,
  ): Promise<LoginResult<{ readonly url: string; readonly pending: PendingLogin }>>
  /** Takes the browser's return: its query, or the form it posted. */
  finish(answer: URLSearchParams, pending: PendingLogin): Promise<LoginResult<Identity>>
  /** What the provider's administrator needs to know of us: SAML metadata, XML. */
  metadata?(): string
}

/** One field of a form. */
export type FormField = {
  readonly name: string
  readonly label: string
  readonly type: 'email' | 'password' | 'text'
  /** Value of the `autocomplete` attribute. */
  readonly autocomplete: string
}

/** A form that the login origin shows. */
export type Form = {
  readonly title: string
  readonly explanation?: string
  readonly fields: readonly FormField[]
  readonly submit: string
}

/** What came of a form. */
export type FormStep =
  | { readonly kind: 'done'; readonly identity: Identity }
  /** Shows a form, the next one or the same with what was wrong. */
  | {
      readonly kind: 'ask'
      readonly form: Form
      readonly pending: PendingLogin
      readonly problem?: string
    }
  /** Ends the login. */
  | { readonly kind: 'refused'; readonly reason: LoginReason }

/** A provider of our own: the local directory, one-time PINs. */
export interface FormProvider {
  readonly kind: 'form'
  readonly name: string
  begin(): FormStep & { readonly kind: 'ask' }
  /**
   * Takes what was typed: exactly the fields of the form that `pending` stands for, each at most 1 KiB.
   * @param source address of the browser, for rate limits.
   */
  answer(
    typed: ReadonlyMap<string, string>,
    pending: PendingLogin,
    source: string,
  ): Promise<FormStep>
}

export type IdentityProvider = RedirectProvider | FormProvider
