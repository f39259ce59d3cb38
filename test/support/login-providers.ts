/**
 * Small identity providers for tests of the login pages: one whose form we show, one that posts its answer.
 */
import type { Identity } from '../../gateway/identity/identity.ts'
import type {
  Form,
  FormProvider,
  RedirectProvider,
} from '../../gateway/identity/identity-provider.ts'
import type { IdpAccount } from './idp.ts'

const FORM: Form = {
  title: 'Log in with a password',
  explanation: 'Both at once.',
  fields: [
    { name: 'email', label: 'Email', type: 'email', autocomplete: 'username' },
    { name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password' },
  ],
  submit: 'Log in',
}

/** Somebody, as the provider of this name describes them. */
export function identityOf({ email, name, groups }: IdpAccount, provider: string): Identity {
  const login = { atMs: Date.now() }
  return { provider, providerSubject: email, email, name, groups, claims: {}, login }
}

/** Asks for email and password; counts wrong ones in `pending` and refuses after the third. */
export function passwordProvider(name: string, accounts: readonly IdpAccount[]): FormProvider {
  const ask = (tries: number) =>
    ({ kind: 'ask', form: FORM, pending: { tries: `${tries}` } }) as const
  return {
    kind: 'form',
    name,
    begin: () => ask(0),
    async answer(typed, pending) {
      const account = accounts.find(({ email }) => email === typed.get('email'))
      if (account !== undefined && account.password === typed.get('password')) {
        return { kind: 'done', identity: identityOf(account, name) }
      }
      const tries = Number(pending['tries']) + 1
      if (tries === 3) return { kind: 'refused', reason: 'provider_refused' }
      return { ...ask(tries), problem: 'Email or password is wrong.' }
    },
  }
}

/** Sends the browser to `url`, and takes a posted form that names the account. */
export function postingProvider(
  name: string,
  { url, account }: { readonly url: string; readonly account: IdpAccount },
): RedirectProvider {
  return {
    kind: 'redirect',
    name,
    callbackPath: '/posted/acs',
    returns: 'form',
    begin: async () => ({ ok: true, value: { url, pending: { request: 'r1' } } }),
    async finish(answer, pending) {
      const isOurs = answer.get('InResponseTo') === pending['request']
      return isOurs
        ? { ok: true, value: identityOf(account, name) }
        : { ok: false, error: { reason: 'bad_provider_answer' } }
    },
  }
}
