/**
 * Asks a SAML 2.0 identity provider who somebody is: AuthnRequest by redirect, response by POST (SAML 2.0 Profiles
 * section 4.1).
 */
import type { Log } from '#lib/log'
import { err, ok } from '#lib/result'
import type { Store } from '../../store/store.ts'
import type { Identity } from '../identity.ts'
import type {
  LoginResult,
  LoginWish,
  PendingLogin,
  RedirectProvider,
} from '../identity-provider.ts'
import { errorCode } from '../login-error.ts'
import { readAssertion } from './assertion.ts'
import { SAML_ACS } from './names.ts'
import { metadataFor, requestUrl, signedAssertion } from './node-saml.ts'
import { isAnswerTo, newRequest, requestOf, type SamlOptions, wantedBy } from './request.ts'
import { readResponse } from './response.ts'

export type SamlClientDeps = {
  /** Unix milliseconds. */
  readonly now: () => number
  readonly log: Log
  readonly replays: Store['replays']
}

/** Opens a provider. */
export function openSaml(options: SamlOptions, deps: SamlClientDeps): RedirectProvider {
  const { provider } = options.attributes
  return {
    kind: 'redirect',
    name: provider,
    callbackPath: SAML_ACS,
    returns: 'form',
    begin: (wish) => begin(options, wish, deps.now()),
    async finish(form, pending) {
      const login = await finish(options, deps, { form, pending })
      if (!login.ok) deps.log.warn({ provider, reason: login.error.reason }, 'login failed')
      return login
    },
    metadata: () => metadataFor(options),
  }
}

async function begin(options: SamlOptions, wish: LoginWish, nowMs: number) {
  const pending = newRequest(wish, nowMs)
  return ok({ url: await requestUrl(options, pending, wish), pending })
}

type Return = { readonly form: URLSearchParams; readonly pending: PendingLogin }

async function finish(
  options: SamlOptions,
  deps: SamlClientDeps,
  { form, pending }: Return,
): Promise<LoginResult<Identity>> {
  const request = requestOf(pending)
  if (request === undefined) return err({ reason: 'bad_provider_answer' })
  const [posted, more] = form.getAll('SAMLResponse')
  if (posted === undefined || more !== undefined) return err({ reason: 'saml_malformed' })
  if (!isAnswerTo(request, form)) return err({ reason: 'saml_wrong_request' })
  const wanted = wantedBy(request, options)
  const response = readResponse(posted, wanted)
  if (!response.ok) return response
  const asked = { rules: options.attributes, wanted, nowMs: deps.now() }
  const claimed = readAssertion(response.value.assertion, asked)
  if (!claimed.ok) return claimed
  const signed = await signedAssertion(options, request, response.value).catch((error) => {
    const { provider } = options.attributes
    deps.log.warn({ provider, error: errorCode(error) }, 'no valid signature')
  })
  if (signed === undefined) return err({ reason: 'saml_bad_signature' })
  return once(readAssertion(signed, asked), options, deps)
}

/** An assertion logs in once, whatever browser brings it (SAML 2.0 Profiles section 4.1.4.5). */
function once(
  login: ReturnType<typeof readAssertion>,
  { attributes }: SamlOptions,
  { replays, now }: SamlClientDeps,
): LoginResult<Identity> {
  if (!login.ok) return login
  const { assertionId, expiresAtMs, identity } = login.value
  const isFirst = replays.take(`saml ${attributes.provider} ${assertionId}`, expiresAtMs, now())
  return isFirst ? ok(identity) : err({ reason: 'saml_replayed' })
}
