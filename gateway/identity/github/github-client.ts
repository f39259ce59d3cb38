/**
 * Identity provider of kind `github`: the web application flow of an OAuth App (RFC 6749 with state, PKCE S256).
 * GitHub is no OpenID provider: who somebody is stands in its REST API, asked with the token, which is then forgotten.
 */
import { createHash, randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { Log } from '#lib/log'
import { err } from '#lib/result'
import { isSameText } from '#lib/same-text'
import type { Identity } from '../identity.ts'
import type { LoginResult, PendingLogin, RedirectProvider } from '../identity-provider.ts'
import { errorCode, reasonOf } from '../login-error.ts'
import { type GithubAccess, type GithubApi, openGithubApi, SCOPES } from './github-api-client.ts'
import { identityOf } from './github-user.ts'

export type GithubOptions = GithubAccess & {
  readonly name: string
  /** `<login url>/github/callback`, exact. */
  readonly redirectUri: string
}

/** Where GitHub sends the browser back to, on the login origin. */
export const GITHUB_CALLBACK = '/github/callback'

/** What leaves with the browser and must come back. */
const pendingShape = z.strictObject({ state: z.string(), verifier: z.string() })

export type GithubDeps = { readonly now: () => number; readonly log: Log }

/** GitHub is asked nothing before somebody logs in. */
export function openGithub(options: GithubOptions, { now, log }: GithubDeps): RedirectProvider {
  const api = openGithubApi(options)
  const { name } = options
  const refused = (error: unknown): LoginResult<never> => {
    const reason = reasonOf(error)
    log.warn({ provider: name, reason, error: errorCode(error) }, 'login failed')
    return err({ reason })
  }
  return {
    kind: 'redirect',
    name,
    callbackPath: GITHUB_CALLBACK,
    returns: 'query',
    // GitHub takes no wish: it cannot be asked for a fresh login, and states no context class.
    begin: async () => ({ ok: true, value: begin(options) }),
    finish: (answer, pending) => finish(options, api, { answer, pending, now }).catch(refused),
  }
}

function begin({ webUrl, clientId, redirectUri }: GithubOptions) {
  const pending = { state: random(), verifier: random() }
  const query = new URLSearchParams({
    client_id: clientId,
    redirect_uri: redirectUri,
    scope: SCOPES.join(' '),
    state: pending.state,
    code_challenge: createHash('sha256').update(pending.verifier).digest('base64url'),
    code_challenge_method: 'S256',
    allow_signup: 'false',
    // Nobody is logged in without a look at the account.
    prompt: 'select_account',
  })
  return { url: `${webUrl}/login/oauth/authorize?${query}`, pending }
}

function random(): string {
  return randomBytes(32).toString('base64url')
}

type Return = {
  readonly answer: URLSearchParams
  readonly pending: PendingLogin
  readonly now: () => number
}

async function finish(
  { name, redirectUri }: GithubOptions,
  api: GithubApi,
  { answer, pending, now }: Return,
): Promise<LoginResult<Identity>> {
  const left = pendingShape.safeParse(pending)
  if (!left.success || !isSameText(only(answer, 'state') ?? '', left.data.state)) {
    return err({ reason: 'bad_provider_answer' })
  }
  if (answer.has('error')) return err({ reason: 'provider_refused' })
  const code = only(answer, 'code')
  if (code === undefined) return err({ reason: 'bad_provider_answer' })
  const form = { code, redirect_uri: redirectUri, code_verifier: left.data.verifier }
  const token = await api.exchange(form)
  if (!token.ok) return token
  const person = await api.person(token.value)
  return person.ok ? identityOf(name, person.value, now()) : person
}

/** RFC 6749 section 3.1: no parameter stands twice. */
function only(answer: URLSearchParams, name: string): string | undefined {
  const values = answer.getAll(name)
  return values.length === 1 ? values[0] : undefined
}
