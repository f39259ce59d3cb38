/**
 * Against a fixture made from GitHub's documentation (test/support/github.ts), not against GitHub.
 */
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import type { LogFields } from '#lib/log'
import {
  type GithubOptions,
  openGithub,
} from '../../../../gateway/identity/github/github-client.ts'
import { identityOf } from '../../../../gateway/identity/github/github-user.ts'
import type { PendingLogin } from '../../../../gateway/identity/identity-provider.ts'
import {
  CLIENT_ID,
  CLIENT_SECRET,
  type Github,
  type GithubAccount,
  json,
  OCTOCAT,
  type Reply,
  startGithub,
} from '../../../support/github.ts'

const REDIRECT = 'https://login.example.com/github/callback'
const NOW = 1_800_000_000_000

function client(github: Github, change: Partial<GithubOptions> = {}, logged: LogFields[] = []) {
  const keep = (fields: LogFields) => void logged.push(fields)
  return openGithub(
    {
      name: 'github',
      clientId: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
      webUrl: github.url,
      apiUrl: `${github.url}/api/v3`,
      caPem: github.caPem,
      redirectUri: REDIRECT,
      timeoutMs: 10_000,
      ...change,
    },
    { now: () => NOW, log: { info: keep, warn: keep, error: keep } },
  )
}

async function begun(provider: ReturnType<typeof client>) {
  const began = await provider.begin({})
  if (!began.ok) throw new Error(began.error.reason)
  return began.value
}

/** A whole login. */
async function logIn(github: Github, change: Partial<GithubOptions> = {}) {
  const provider = client(github, change)
  const { url, pending } = await begun(provider)
  return provider.finish(github.authorize(url), pending)
}

async function logInAs(t: ExecutionContext, change: Partial<GithubAccount>) {
  return logIn(await startGithub(t, { ...OCTOCAT, ...change }))
}

const refusal = (reason: string) => ({ ok: false, error: { reason } }) as const

test('A6: a login at GitHub ends in the identity, with organisations and teams as groups', async (t) => {
  const github = await startGithub(t)
  t.deepEqual(await logIn(github), {
    ok: true,
    value: {
      provider: 'github',
      providerSubject: '583231',
      email: 'octocat@github.com',
      name: 'monalisa octocat',
      groups: ['github', 'acme', 'github/justice-league'],
      claims: { login: ['octocat'] },
      login: { atMs: NOW },
    },
  })
  t.deepEqual(github.requests, [
    'POST /login/oauth/access_token',
    'GET /api/v3/user',
    'GET /api/v3/user/emails?per_page=100',
    'GET /api/v3/user/orgs?per_page=100&page=1',
    'GET /api/v3/user/teams?per_page=100&page=1',
  ])
})

test('A6: the browser leaves with state, PKCE and the scopes that groups need', async (t) => {
  const provider = client(await startGithub(t))
  const [first, second] = [await begun(provider), await begun(provider)]
  const asked = new URL(first.url).searchParams
  t.is(asked.get('redirect_uri'), REDIRECT)
  t.is(asked.get('scope'), 'read:user user:email read:org')
  t.is(asked.get('code_challenge_method'), 'S256')
  t.is(asked.get('state'), first.pending['state'] ?? '')
  t.false(first.url.includes(CLIENT_SECRET))
  t.false(first.url.includes(first.pending['verifier'] ?? 'x'))
  t.not(first.pending['state'], second.pending['state'])
  t.not(first.pending['verifier'], second.pending['verifier'])
  t.like(provider, { kind: 'redirect', callbackPath: '/github/callback', returns: 'query' })
})

test('A6: groups over several pages are read whole, from where we ask and from nowhere else', async (t) => {
  const orgs = Array.from({ length: 250 }, (_, i) => `org-${i}`)
  const github = await startGithub(t, { ...OCTOCAT, orgs, teams: [] })
  const user = await logIn(github)
  t.deepEqual(user.ok && user.value.groups, orgs)
  t.is(github.requests.filter((line) => line.includes('/user/orgs')).length, 3)
})

const accounts: Readonly<Record<string, [Partial<GithubAccount>, string]>> = {
  'a primary address that is not verified': [
    { emails: [{ email: 'a@example.com', primary: true, verified: false }] },
    'email_unverified',
  ],
  'a verified address that is not the primary one': [
    { emails: [{ email: 'a@example.com', primary: false, verified: true }] },
    'no_email',
  ],
  'no address': [{ emails: [] }, 'no_email'],
  'an address that is no plain one (T26)': [
    { emails: [{ email: 'a@b@example.com', primary: true, verified: true }] },
    'bad_email',
  ],
  'more organisations than are read': [
    { orgs: Array.from({ length: 1001 }, (_, i) => `org-${i}`) },
    'bad_groups',
  ],
  'an organisation that looks like a team': [{ orgs: ['acme/admins'] }, 'bad_provider_answer'],
  'organisations that were not granted': [{ granted: 'read:user,user:email' }, 'bad_groups'],
  'addresses that were not granted': [{ granted: 'read:user,read:org' }, 'no_email'],
  'nothing granted': [{ granted: '' }, 'no_email'],
  'an id that is a text': [{ user: { ...OCTOCAT.user, id: '583231' } }, 'bad_provider_answer'],
  'an id that is not exact': [{ user: { ...OCTOCAT.user, id: 2 ** 60 } }, 'bad_provider_answer'],
  'an account without an id': [{ user: { login: 'x' } }, 'bad_provider_answer'],
}
for (const [what, [change, reason]] of Object.entries(accounts)) {
  test(`A6: ${what} logs nobody in: ${reason}`, async (t) => {
    t.deepEqual(await logInAs(t, change), refusal(reason))
  })
}

type Spoil = (answer: URLSearchParams, pending: Record<string, string>) => void
const returns: Readonly<Record<string, [Spoil, string]>> = {
  'another state': [(answer) => answer.set('state', 'x'), 'bad_provider_answer'],
  'no state': [(answer) => answer.delete('state'), 'bad_provider_answer'],
  'an empty state': [
    (answer, pending) => {
      answer.set('state', '')
      pending['state'] = 'y'
    },
    'bad_provider_answer',
  ],
  'two states': [(answer) => answer.append('state', 'x'), 'bad_provider_answer'],
  'two codes': [(answer) => answer.append('code', 'x'), 'bad_provider_answer'],
  'no code': [(answer) => answer.delete('code'), 'bad_provider_answer'],
  'a made up code': [(answer) => answer.set('code', 'x'), 'provider_refused'],
  'a code of another browser': [
    (_answer, pending) => {
      pending['verifier'] = 'a'.repeat(43)
    },
    'provider_refused',
  ],
  'a pending state of another provider': [
    (_answer, pending) => {
      pending['nonce'] = 'x'
    },
    'bad_provider_answer',
  ],
  'a refusal (T93)': [
    (answer) => {
      answer.delete('code')
      answer.set('error', 'access_denied')
      answer.set('error_description', '<script>alert(1)</script>')
    },
    'provider_refused',
  ],
}
for (const [what, [spoil, reason]] of Object.entries(returns)) {
  test(`A6 T28: a return with ${what} logs nobody in: ${reason}`, async (t) => {
    const github = await startGithub(t)
    const provider = client(github)
    const { url, pending } = await begun(provider)
    const [answer, left] = [github.authorize(url), { ...pending }]
    spoil(answer, left)
    t.deepEqual(await provider.finish(answer, left), refusal(reason))
  })
}

test('A6: a code works once', async (t) => {
  const github = await startGithub(t)
  const provider = client(github)
  const { url, pending } = await begun(provider)
  const answer = github.authorize(url)
  const both = await Promise.all([
    provider.finish(answer, pending),
    provider.finish(answer, pending),
  ])
  t.is(both.filter(({ ok }) => ok).length, 1)
  t.deepEqual(
    both.find(({ ok }) => !ok),
    refusal('provider_refused'),
  )
})

test('A6: a wrong client secret is a refusal, and stands in no log', async (t) => {
  const github = await startGithub(t)
  t.deepEqual(await logIn(github, { clientSecret: 'wrong' }), refusal('provider_refused'))
})

const TOKEN = '/login/oauth/access_token'
const USER = '/api/v3/user'
type Hostile = readonly [path: string, reply: Reply, reason: string]
const hostile: Readonly<Record<string, Hostile>> = {
  'a token answer that is no JSON': [
    TOKEN,
    (_, response) => void response.end('access_token=x'),
    'bad_provider_answer',
  ],
  'a token of another type': [
    TOKEN,
    (_, response) => json(response, { access_token: 'x', scope: '', token_type: 'mac' }),
    'bad_provider_answer',
  ],
  'a redirect of the token request': [
    TOKEN,
    (_, response) => void response.writeHead(302, { location: 'https://evil.test/' }).end(),
    'provider_unreachable',
  ],
  'a redirect with the token': [
    USER,
    (_, response) => void response.writeHead(301, { location: '/api/v3/user/emails' }).end(),
    'provider_unreachable',
  ],
  'a list where a user should be': [
    USER,
    (_, response) => json(response, []),
    'bad_provider_answer',
  ],
  'a user where a list should be': [
    `${USER}/orgs`,
    (_, response) => json(response, {}),
    'bad_provider_answer',
  ],
  null: [`${USER}/emails`, (_, response) => json(response, null), 'bad_provider_answer'],
  'an answer of two megabytes': [
    USER,
    (_, response) => json(response, { ...OCTOCAT.user, bio: 'x'.repeat(2 << 20) }),
    'bad_provider_answer',
  ],
  'a rate limit': [
    USER,
    (_, response) => json(response, { message: 'rate limit' }, 429),
    'provider_unreachable',
  ],
  'a rate limit that is told as a prohibition': [
    USER,
    (_, response) => {
      response.setHeader('x-ratelimit-remaining', '0')
      json(response, { message: 'API rate limit exceeded' }, 403)
    },
    'provider_unreachable',
  ],
  'a secondary rate limit': [
    `${USER}/orgs`,
    (_, response) => {
      response.setHeader('retry-after', '60')
      json(response, { message: 'You have exceeded a secondary rate limit' }, 403)
    },
    'provider_unreachable',
  ],
  'a prohibition within the rate': [
    USER,
    (_, response) => {
      response.setHeader('x-ratelimit-remaining', '4999')
      json(response, {}, 403)
    },
    'bad_provider_answer',
  ],
  'an outage': [`${USER}/teams`, (_, response) => json(response, {}, 502), 'provider_unreachable'],
  'an account that was suspended': [
    USER,
    (_, response) => json(response, {}, 403),
    'bad_provider_answer',
  ],
  'a connection that breaks': [
    USER,
    (_, response) => void response.destroy(),
    'provider_unreachable',
  ],
  silence: [USER, () => undefined, 'provider_unreachable'],
  'a body that never ends': [
    USER,
    (_, response) =>
      void response.writeHead(200, { 'content-type': 'application/json' }).write('{'),
    'provider_unreachable',
  ],
  'pages without end': [
    `${USER}/orgs`,
    (_, response) => {
      response.setHeader('link', '<https://evil.test/>; rel="next"')
      json(response, [])
    },
    'bad_groups',
  ],
}
for (const [what, [path, reply, reason]] of Object.entries(hostile)) {
  test(`A6: ${what} logs nobody in: ${reason}`, async (t) => {
    const github = await startGithub(t, OCTOCAT, { [path]: reply })
    const timeoutMs = reason === 'provider_unreachable' ? 1000 : 10_000
    t.deepEqual(await logIn(github, { timeoutMs }), refusal(reason))
  })
}

test('A6: a certificate of a stranger and a server that is down are told apart from nobody', async (t) => {
  const github = await startGithub(t)
  const other = await startGithub(t)
  t.deepEqual(await logIn(github, { caPem: other.caPem }), refusal('provider_unreachable'))
  const down = { webUrl: 'https://127.0.0.1:1', apiUrl: 'https://127.0.0.1:1' }
  t.deepEqual(await logIn(github, down), refusal('provider_unreachable'))
})

test('A6: neither code, token nor secret is logged', async (t) => {
  const logged: LogFields[] = []
  const github = await startGithub(t, OCTOCAT, { [USER]: (_, response) => void response.destroy() })
  const provider = client(github, {}, logged)
  const { url, pending } = await begun(provider)
  const answer = github.authorize(url)
  await provider.finish(answer, pending)
  t.is(logged.length, 1)
  const text = JSON.stringify(logged)
  for (const secret of [
    'gho_',
    CLIENT_SECRET,
    answer.get('code') ?? '',
    pending['verifier'] ?? '',
  ]) {
    t.false(text.includes(secret), secret)
  }
})

test('A6: no return throws or logs somebody in that did not leave from here', async (t) => {
  const provider = client(await startGithub(t))
  const pair = fc.tuple(fc.constantFrom('state', 'code', 'error'), fc.string())
  const pending: fc.Arbitrary<PendingLogin> = fc.dictionary(
    fc.constantFrom('state', 'verifier'),
    fc.string(),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(pair), pending, async (pairs, left) => {
      const finished = await provider.finish(new URLSearchParams(pairs), left)
      t.false(finished.ok)
    }),
    { numRuns: 100 },
  )
})

test('A6: groups of GitHub are lower case, and an organisation is never a team', (t) => {
  const slug = fc.stringMatching(/^[\w.-]{1,20}$/)
  const user = { id: 1, login: 'x' }
  const emails = [{ email: 'a@example.com', primary: true, verified: true }]
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.array(slug), fc.array(fc.tuple(slug, slug)), (orgs, teams) => {
        const identity = identityOf(
          'github',
          {
            ...{ user, emails },
            orgs: orgs.map((login) => ({ login })),
            teams: teams.map(([login, one]) => ({ slug: one, organization: { login } })),
          },
          0,
        )
        if (!identity.ok) return false
        const { groups } = identity.value
        return (
          groups.every((group) => group === group.toLowerCase()) &&
          groups.filter((group) => !group.includes('/')).length ===
            new Set(orgs.map((org) => org.toLowerCase())).size
        )
      }),
    ),
  )
})
