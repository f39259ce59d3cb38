/**
 * GitHub as its documentation describes it: the web application flow of OAuth Apps with PKCE, and the four calls of the
 * REST API (version 2022-11-28) that we use, over HTTPS. Answers have the fields of the documented examples, those that
 * nobody here reads shortened.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { ExecutionContext } from 'ava'
import { startHttps } from './https-target.ts'
import { throwawayCa } from './throwaway-ca.ts'

export const CLIENT_ID = 'Iv1.8a61f9b3a7aba766'
export const CLIENT_SECRET = 'the secret of the app'

/** Answers a request in GitHub's place. */
export type Reply = (request: IncomingMessage, response: ServerResponse) => void

export type GithubAccount = {
  readonly user: object
  readonly emails: readonly object[]
  readonly orgs: readonly string[]
  readonly teams: readonly (readonly [org: string, slug: string])[]
  /** Scopes that the person grants; absent: all that are asked for. */
  readonly granted?: string
}

export const OCTOCAT: GithubAccount = {
  user: {
    login: 'octocat',
    id: 583_231,
    node_id: 'MDQ6VXNlcjU4MzIzMQ==',
    type: 'User',
    site_admin: false,
    name: 'monalisa octocat',
    email: 'public@github.com',
    two_factor_authentication: true,
  },
  emails: [
    { email: 'other@example.com', verified: true, primary: false, visibility: null },
    { email: 'Octocat@GitHub.com', verified: true, primary: true, visibility: 'public' },
  ],
  orgs: ['GitHub', 'acme'],
  teams: [['GitHub', 'justice-league']],
}

/** A running one. */
export type Github = {
  readonly url: string
  readonly caPem: string
  /** Path and query of every request so far, with its method. */
  readonly requests: readonly string[]
  /** What a person's browser comes back with from this authorisation URL. */
  authorize(url: string): URLSearchParams
}

/** @param replace answers of our own, by path. */
export async function startGithub(
  t: ExecutionContext,
  account: GithubAccount = OCTOCAT,
  replace: Readonly<Record<string, Reply>> = {},
): Promise<Github> {
  const ca = await throwawayCa('GitHub CA')
  const requests: string[] = []
  const codes = new Map<string, URLSearchParams>()
  const tokens = new Set<string>()

  async function exchange(request: IncomingMessage) {
    const form = new URLSearchParams(await text(request))
    const asked = codes.get(form.get('code') ?? '')
    codes.delete(form.get('code') ?? '')
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url')
    if (form.get('client_secret') !== CLIENT_SECRET)
      return { error: 'incorrect_client_credentials' }
    if (asked === undefined || asked.get('code_challenge') !== challenge) {
      return {
        error: 'bad_verification_code',
        error_description: 'The code passed is incorrect or expired.',
        error_uri: 'https://docs.github.com/apps/managing-oauth-apps/troubleshooting',
      }
    }
    if (asked.get('redirect_uri') !== form.get('redirect_uri'))
      return { error: 'redirect_uri_mismatch' }
    const token = `gho_${randomBytes(18).toString('hex')}`
    tokens.add(token)
    const scope = account.granted ?? (asked.get('scope') ?? '').replaceAll(' ', ',')
    return { access_token: token, scope, token_type: 'bearer' }
  }

  const lists: Readonly<Record<string, readonly object[]>> = {
    '/api/v3/user/emails': account.emails,
    '/api/v3/user/orgs': account.orgs.map((login, id) => ({ login, id, url: `${id}` })),
    '/api/v3/user/teams': account.teams.map(([login, slug], id) => ({
      ...{ id, slug, name: slug, privacy: 'closed' },
      organization: { login, id },
    })),
  }

  function api(request: IncomingMessage, response: ServerResponse, url: URL): void {
    const { authorization = '', accept, 'user-agent': agent } = request.headers
    const isKnown = tokens.has(authorization.replace(/^Bearer /, ''))
    const isProper = agent !== undefined && accept === 'application/vnd.github+json'
    const list = lists[url.pathname]
    if (!isKnown) json(response, { message: 'Bad credentials', status: '401' }, 401)
    else if (!isProper)
      json(response, { message: 'Request forbidden by administrative rules' }, 403)
    else if (url.pathname === '/api/v3/user') json(response, account.user)
    else if (list === undefined) json(response, { message: 'Not Found' }, 404)
    else page(response, url, list)
  }

  function page(response: ServerResponse, url: URL, list: readonly object[]): void {
    const size = Number(url.searchParams.get('per_page') ?? 30)
    const number = Number(url.searchParams.get('page') ?? 1)
    if (number * size < list.length) {
      // Leads elsewhere, as a hostile answer might.
      response.setHeader('link', `<https://evil.test/?page=${number + 1}>; rel="next"`)
    }
    json(response, list.slice((number - 1) * size, number * size))
  }

  const server = await startHttps(await ca.issue('127.0.0.1'), (request, response) => {
    const url = new URL(request.url ?? '/', 'https://github.test')
    requests.push(`${request.method} ${url.pathname}${url.search}`)
    const instead = replace[url.pathname]
    if (instead !== undefined) instead(request, response)
    else if (url.pathname === '/login/oauth/access_token') {
      exchange(request).then(
        (answer) => json(response, answer),
        () => response.destroy(),
      )
    } else api(request, response, url)
  })
  t.teardown(server.close)
  return {
    url: server.url,
    caPem: ca.caPem,
    requests,
    authorize(url) {
      const asked = new URL(url).searchParams
      const code = randomBytes(10).toString('hex')
      codes.set(code, asked)
      return new URLSearchParams({ code, state: asked.get('state') ?? '' })
    },
  }
}

/** Answers with JSON. */
export function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
  response.end(JSON.stringify(value))
}
