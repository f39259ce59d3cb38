import test, { type ExecutionContext } from 'ava'
import type { LoginWish } from '../../../gateway/identity/identity-provider.ts'
import { type IdpOptions, openIdp } from '../../../gateway/identity/idp-client.ts'
import { Browser } from '../../support/browser.ts'
import { startHttps } from '../../support/https-target.ts'
import { formWith, type IdpAccount, startIdp } from '../../support/idp.ts'
import { throwawayCa } from '../../support/throwaway-ca.ts'

const ACCOUNT: IdpAccount = {
  email: 'Demo@Example.com',
  password: 'right',
  name: 'Demo User',
  groups: ['engineers', 'staff'],
}

const silent = { info: () => {}, warn: () => {}, error: () => {} }

/** A provider, our client of it, and a page at the redirect URI that shows nothing. */
async function setUp(t: ExecutionContext, account: IdpAccount = ACCOUNT) {
  const ca = await throwawayCa()
  const landing = await startHttps(await ca.issue('127.0.0.1'), (_request, response) => {
    response.end('landed')
  })
  t.teardown(landing.close)
  const redirectUri = `${landing.url}/oidc/callback`
  const idp = await startIdp({ host: '127.0.0.1', port: 0, accounts: [account], redirectUri, ca })
  t.teardown(idp.close)
  const options: IdpOptions = {
    name: 'corp',
    issuer: idp.issuer,
    clientId: idp.clientId,
    clientSecret: idp.clientSecret,
    caPem: idp.caPem,
    groupsClaim: 'groups',
    claims: [],
    redirectUri,
  }
  const client = openIdp(options, { now: Date.now, log: silent })
  const browser = new Browser({ ca: [ca.caPem, idp.caPem] })
  const logIn = async (url: string) => {
    const form = formWith(await browser.open(url), 'password')
    const landed = await browser.submit(form, { email: account.email, password: 'right' })
    return new URL(landed.url).searchParams
  }
  return { ca, idp, options, client, browser, logIn }
}

test('A6: a login at a real provider ends in the user with groups', async (t) => {
  const { client, logIn } = await setUp(t)
  const begun = await client.begin({})
  if (!begun.ok) return t.fail(begun.error.reason)
  const url = new URL(begun.value.url)
  t.is(url.searchParams.get('code_challenge_method'), 'S256')
  const user = await client.finish(await logIn(begun.value.url), begun.value.pending)
  t.like(user, {
    ok: true,
    value: { provider: 'corp', email: 'demo@example.com', name: 'Demo User' },
  })
  t.deepEqual(user.ok && user.value.groups, ['engineers', 'staff'])
})

const wishes: Readonly<
  Record<string, readonly [LoginWish, Readonly<Record<string, string | null>>]>
> = {
  nothing: [{}, { max_age: null, acr_values: null, prompt: null }],
  'a login of the last minute': [{ maxAgeSeconds: 60 }, { max_age: '60' }],
  'one of two context classes': [{ acrValues: ['high', 'low'] }, { acr_values: 'high low' }],
  'another account': [{ anew: true }, { prompt: 'login' }],
}
for (const [title, [wish, wanted]] of Object.entries(wishes)) {
  test(`A6: asks the provider for ${title}`, async (t) => {
    const { client } = await setUp(t)
    const begun = await client.begin(wish)
    if (!begun.ok) return t.fail(begun.error.reason)
    const asked = new URL(begun.value.url).searchParams
    for (const [name, value] of Object.entries(wanted)) t.is(asked.get(name), value, name)
  })
}

const tampered = {
  'another state': { state: 'x'.repeat(43) },
  'another nonce': { nonce: 'x'.repeat(43) },
  'another PKCE verifier': { verifier: 'x'.repeat(43) },
}
for (const [title, change] of Object.entries(tampered)) {
  test(`A6 T28: refuses a return with ${title}`, async (t) => {
    const { client, logIn } = await setUp(t)
    const begun = await client.begin({})
    if (!begun.ok) return t.fail(begun.error.reason)
    const query = await logIn(begun.value.url)
    const user = await client.finish(query, { ...begun.value.pending, ...change })
    t.deepEqual(user, { ok: false, error: { reason: 'bad_provider_answer' } })
  })
}

test('A6: a code works once', async (t) => {
  const { client, logIn } = await setUp(t)
  const begun = await client.begin({})
  if (!begun.ok) return t.fail(begun.error.reason)
  const query = await logIn(begun.value.url)
  t.true((await client.finish(query, begun.value.pending)).ok)
  t.false((await client.finish(query, begun.value.pending)).ok)
})

const forged = {
  'the issuer of another provider (RFC 9207)': (query: URLSearchParams) => {
    query.set('iss', 'https://evil.example')
  },
  'no issuer, though the provider names itself (RFC 9207)': (query: URLSearchParams) => {
    query.delete('iss')
  },
  'a second state': (query: URLSearchParams) => query.append('state', 'y'),
}
for (const [title, forge] of Object.entries(forged)) {
  test(`A6: refuses a return with ${title}`, async (t) => {
    const { client, logIn } = await setUp(t)
    const begun = await client.begin({})
    if (!begun.ok) return t.fail(begun.error.reason)
    const query = await logIn(begun.value.url)
    forge(query)
    const user = await client.finish(query, begun.value.pending)
    t.deepEqual(user, { ok: false, error: { reason: 'bad_provider_answer' } })
  })
}

test('A6: a refusal by the provider is told apart', async (t) => {
  const { client, idp } = await setUp(t)
  const begun = await client.begin({})
  if (!begun.ok) return t.fail(begun.error.reason)
  const { state = '' } = begun.value.pending
  const query = new URLSearchParams({ error: 'access_denied', state, iss: idp.issuer })
  const user = await client.finish(query, begun.value.pending)
  t.deepEqual(user, { ok: false, error: { reason: 'provider_refused' } })
})

test('A6: an address that the provider calls unverified is refused', async (t) => {
  const { client, logIn } = await setUp(t, { ...ACCOUNT, emailVerified: false })
  const begun = await client.begin({})
  if (!begun.ok) return t.fail(begun.error.reason)
  const user = await client.finish(await logIn(begun.value.url), begun.value.pending)
  t.deepEqual(user, { ok: false, error: { reason: 'email_unverified' } })
})

test('A6: a provider whose certificate we do not trust is unreachable', async (t) => {
  const { options } = await setUp(t)
  const { caPem } = await throwawayCa()
  const begun = await openIdp({ ...options, caPem }, { now: Date.now, log: silent }).begin({})
  t.deepEqual(begun, { ok: false, error: { reason: 'provider_unreachable' } })
})

test('A6: a provider that is down is unreachable, and works once it is up', async (t) => {
  const { options, idp, ca } = await setUp(t)
  await idp.close()
  const client = openIdp(options, { now: Date.now, log: silent })
  t.deepEqual(await client.begin({}), { ok: false, error: { reason: 'provider_unreachable' } })
  const port = Number(new URL(idp.issuer).port)
  const { redirectUri } = options
  const again = await startIdp({ host: '127.0.0.1', port, accounts: [], redirectUri, ca })
  t.teardown(again.close)
  t.true((await client.begin({})).ok)
})

test('A6: an issuer over plain http is refused', async (t) => {
  const { options } = await setUp(t)
  const issuer = options.issuer.replace('https:', 'http:')
  const begun = await openIdp({ ...options, issuer }, { now: Date.now, log: silent }).begin({})
  t.deepEqual(begun, { ok: false, error: { reason: 'bad_provider_answer' } })
})

test('A6: metadata that names another issuer is refused', async (t) => {
  const { options, ca } = await setUp(t)
  const metadata = JSON.stringify({
    issuer: options.issuer,
    authorization_endpoint: `${options.issuer}/auth`,
    token_endpoint: `${options.issuer}/token`,
    response_types_supported: ['code'],
  })
  const impostor = await startHttps(await ca.issue('127.0.0.1'), (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(metadata)
  })
  t.teardown(impostor.close)
  const client = openIdp({ ...options, issuer: impostor.url }, { now: Date.now, log: silent })
  t.deepEqual(await client.begin({}), { ok: false, error: { reason: 'bad_provider_answer' } })
})
