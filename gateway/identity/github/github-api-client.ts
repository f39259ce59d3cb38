/**
 * The requests to GitHub. Nothing that GitHub answers chooses where a request goes: no redirects, no links.
 */
import type { z } from 'zod'
import { err, ok, type Result } from '#lib/result'
import type { LoginReason } from '../login-error.ts'
import {
  ANSWER_TIMEOUT_SECONDS,
  type ProviderFetch,
  providerFetch,
} from '../provider-fetch-client.ts'
import { emailsAnswer, orgsAnswer, teamsAnswer, tokenAnswer, userAnswer } from './github-answers.ts'
import type { GithubPerson } from './github-user.ts'

export type GithubAccess = {
  readonly clientId: string
  readonly clientSecret: string
  readonly webUrl: string
  readonly apiUrl: string
  readonly caPem?: string
  /** Of one request, ms; tests take less. */
  readonly timeoutMs?: number
}

type Answer<T> = Result<T, { readonly reason: LoginReason }>

/** What the token must be good for: addresses, and every organisation and team, also private ones. */
export const SCOPES = ['read:user', 'user:email', 'read:org'] as const

const PAGE_SIZE = 100
/** 1,000 organisations or teams. */
const PAGE_LIMIT = 10

export interface GithubApi {
  /** Exchanges a code for a token. */
  exchange(form: Readonly<Record<string, string>>): Promise<Answer<string>>
  /** Asks who the token is for. */
  person(token: string): Promise<Answer<GithubPerson>>
}

/** The calls reject when GitHub cannot be reached or does not answer in JSON. */
export function openGithubApi(access: GithubAccess): GithubApi {
  const { clientId, clientSecret, webUrl, timeoutMs = ANSWER_TIMEOUT_SECONDS * 1000 } = access
  const request = providerFetch(access.caPem)
  const bounded: ProviderFetch = (url, init) =>
    request(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(timeoutMs) })
  return {
    async exchange(form) {
      const answer = await bounded(`${webUrl}/login/oauth/access_token`, {
        method: 'POST',
        headers: { accept: 'application/json', 'user-agent': 'zt-gateway' },
        body: new URLSearchParams({ client_id: clientId, client_secret: clientSecret, ...form }),
      })
      const token = await read(answer, tokenAnswer)
      return token.ok ? checkToken(token.value) : token
    },
    person: (token) => askPerson((path) => apiRequest(bounded, access.apiUrl, token, path)),
  }
}

type Ask = (path: string) => Promise<Response>

function apiRequest(fetch: ProviderFetch, apiUrl: string, token: string, path: string) {
  return fetch(`${apiUrl}${path}`, {
    headers: {
      accept: 'application/vnd.github+json',
      authorization: `Bearer ${token}`,
      // GitHub refuses requests without one.
      'user-agent': 'zt-gateway',
      'x-github-api-version': '2022-11-28',
    },
  })
}

function checkToken(answer: z.infer<typeof tokenAnswer>): Answer<string> {
  if ('error' in answer) return err({ reason: 'provider_refused' })
  const granted = answer.scope.split(/[ ,]+/)
  // `user` and `admin:org` hold the others; without read:org the organisations would be a part of all.
  const hasEmail = granted.includes('user:email') || granted.includes('user')
  const hasOrgs = ['read:org', 'write:org', 'admin:org'].some((scope) => granted.includes(scope))
  if (!hasEmail) return err({ reason: 'no_email' })
  return hasOrgs ? ok(answer.access_token) : err({ reason: 'bad_groups' })
}

async function askPerson(ask: Ask): Promise<Answer<GithubPerson>> {
  const user = await read(await ask('/user'), userAnswer)
  if (!user.ok) return user
  const emails = await read(await ask(`/user/emails?per_page=${PAGE_SIZE}`), emailsAnswer)
  if (!emails.ok) return emails
  const orgs = await readAll(ask, '/user/orgs', orgsAnswer)
  if (!orgs.ok) return orgs
  const teams = await readAll(ask, '/user/teams', teamsAnswer)
  if (!teams.ok) return teams
  return ok({ user: user.value, emails: emails.value, orgs: orgs.value, teams: teams.value })
}

/** Every page of a list. A list that is longer than we read is refused: a group cut off could be one to exclude. */
async function readAll<T>(ask: Ask, path: string, shape: z.ZodType<T[]>): Promise<Answer<T[]>> {
  const all: T[] = []
  for (let page = 1; page <= PAGE_LIMIT; page += 1) {
    const answer = await ask(`${path}?per_page=${PAGE_SIZE}&page=${page}`)
    const items = await read(answer, shape)
    if (!items.ok) return items
    all.push(...items.value)
    // Only whether there is more: where it is, we know.
    if (!/\brel="next"/.test(answer.headers.get('link') ?? '')) return ok(all)
  }
  return err({ reason: 'bad_groups' })
}

async function read<T>(answer: Response, shape: z.ZodType<T>): Promise<Answer<T>> {
  if (answer.status >= 500 || isAboveRate(answer)) return err({ reason: 'provider_unreachable' })
  if (answer.status !== 200) return err({ reason: 'bad_provider_answer' })
  const parsed = shape.safeParse(await answer.json())
  return parsed.success ? ok(parsed.data) : err({ reason: 'bad_provider_answer' })
}

/** GitHub tells its limits by 403 too ("Rate limits for the REST API", exceeding the rate limit). */
function isAboveRate({ status, headers }: Response): boolean {
  const isSpent = headers.get('x-ratelimit-remaining') === '0' || headers.has('retry-after')
  return status === 429 || (status === 403 && isSpent)
}
