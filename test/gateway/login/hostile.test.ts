/**
 * What people and programs of ill will send to the login origin.
 */
import { request } from 'node:https'
import test from 'ava'
import type { IdentityProvider } from '../../../gateway/identity/identity-provider.ts'
import { openIdp } from '../../../gateway/identity/idp-client.ts'
import type { PageShown } from '../../support/browser.ts'
import { deferred } from '../../support/deferred.ts'
import { startHttps } from '../../support/https-target.ts'
import { completeLogin, formWith, loginUpToConfirm, text } from '../../support/idp.ts'
import { identityOf, passwordProvider, postingProvider } from '../../support/login-providers.ts'
import {
  ALICE,
  BOB,
  beginEnrolment,
  type LoginRig,
  pollEnrolment,
  startLoginRig,
} from '../../support/login-rig.ts'
import { PROMPT, testDesk } from '../../support/prompt-desk.ts'
import { throwawayCa } from '../../support/throwaway-ca.ts'

const LOCAL = passwordProvider('local', [ALICE, BOB])
const POSTING = postingProvider('poster', { url: 'https://127.0.0.1:1/', account: ALICE })

type Raw = {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** One request as it is, no redirect followed. */
function ask(rig: LoginRig, path: string, { method = 'GET', headers = {}, body }: Raw = {}) {
  const { hostname, port } = rig.url
  const ca = rig.gatewayCa.certificatePem
  const options = { hostname, port, path, method, ca, agent: false } as const
  return new Promise<{ status: number; location: string | undefined; body: string }>(
    (resolve, reject) => {
      const sent = request(
        { ...options, headers: { accept: 'text/html', ...headers } },
        (answer) => {
          let read = ''
          answer.on('data', (chunk) => {
            read += String(chunk)
          })
          answer.on('end', () => {
            const { statusCode: status = 0, headers: got } = answer
            resolve({ status, location: got.location, body: read })
          })
        },
      )
      sent.on('error', reject)
      sent.end(body)
    },
  )
}

/** A browser at the page that names the device. */
async function atChoice(rig: LoginRig) {
  const { userCode, deviceCode } = await beginEnrolment(rig)
  const browser = rig.browser()
  const start = await browser.open(rig.verificationUrl)
  const page = await browser.submit(formWith(start, 'user_code'), { user_code: userCode })
  const cookie = `__Host-zt_login=${browser.cookies.get(rig.url.hostname)?.get('__Host-zt_login')}`
  return { browser, page, deviceCode, cookie }
}

function linkTo(page: PageShown, provider: string): URL {
  const link = page.links.find((href) => href.includes(`provider=${provider}`))
  if (link === undefined) throw new Error(`no link to ${provider}`)
  return new URL(link)
}

test('T28: where a browser is sent is never taken from the request', async (t) => {
  const rig = await startLoginRig(t)
  const { page, cookie } = await atChoice(rig)
  const { pathname, search } = linkTo(page, 'corp')
  const evil = ['redirect_uri', 'return_to', 'next', 'url', 'RelayState']
    .map((name) => `&${name}=https://evil.example/`)
    .join('')
  const headers = { cookie, 'x-forwarded-host': 'evil.example', referer: 'https://evil.example/' }
  const { status, location = '' } = await ask(rig, `${pathname}${search}${evil}`, { headers })
  t.is(status, 303)
  t.is(new URL(location).origin, rig.idp.issuer)
  const returnTo = new URL(location).searchParams.get('redirect_uri') ?? ''
  t.is(returnTo, `${rig.url.origin}/oidc/callback`)
  t.notRegex(location, /evil/)
})

for (const path of ['//evil.example/', '/\\evil.example', '/prompt/..%2f..%2fevil', '/%2e%2e/x']) {
  test(`T28 T80: ${path} leads nowhere`, async (t) => {
    const rig = await startLoginRig(t)
    const { status, location } = await ask(rig, path)
    t.is(status, 404)
    t.is(location, undefined)
  })
}

test('a path that is no text, or too long, is refused with a page', async (t) => {
  const rig = await startLoginRig(t)
  for (const path of ['/prompt/%E0%A4%A', `/prompt/${'x'.repeat(9000)}`]) {
    const { status, body } = await ask(rig, path)
    t.true(status >= 400 && status < 500, `${status}`)
    t.regex(body, /<h1>Not possible<\/h1>/)
  }
})

test('an unknown path gets a page as strict as any, and a program its JSON', async (t) => {
  const rig = await startLoginRig(t)
  const page = await rig.browser().open(new URL('/<script>alert(1)</script>?a=<b>', rig.url).href)
  t.is(page.status, 404)
  t.regex(text(page), /Not found There is nothing here/)
  t.notRegex(page.html, /alert|<b>/)
  t.regex(
    String(page.headers['content-security-policy']),
    /^default-src 'none'; style-src 'sha256-/,
  )
  const json = await ask(rig, '/nowhere', { headers: { accept: '*/*' } })
  t.is(json.body, '{"error":{"code":"not_found","message":"There is nothing here."}}')
})

const PATHS = ['/', '/device', '/device/confirm', '/login/to', '/login/form', '/oidc/callback']
for (const method of ['HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
  test(`${method} does nothing anywhere`, async (t) => {
    const rig = await startLoginRig(t)
    for (const path of [...PATHS, '/login/continue', '/logout', '/prompt/why', '/prompt/done']) {
      t.is((await ask(rig, path, { method })).status, 404, path)
    }
  })
}

test('a form where a page is, a page where a form is: nothing happens', async (t) => {
  const rig = await startLoginRig(t, { providers: [LOCAL] })
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  for (const path of ['/', '/login/to', '/oidc/callback', '/prompt/done', '/prompt/x']) {
    t.is((await ask(rig, path, { method: 'POST', headers, body: 'a=b' })).status, 404, path)
  }
  t.is((await ask(rig, '/login/continue')).status, 404)
  t.is((await ask(rig, '/login/form')).status, 400)
})

test('T28: what is no form is not read', async (t) => {
  const rig = await startLoginRig(t)
  for (const type of ['application/json', 'multipart/form-data; boundary=x', 'text/plain']) {
    const headers = { 'content-type': type }
    const { status } = await ask(rig, '/device', { method: 'POST', headers, body: '{"csrf":"x"}' })
    t.is(status, 415, type)
  }
})

test('T123: header and cookie bombs are refused or ignored', async (t) => {
  const rig = await startLoginRig(t)
  t.is((await ask(rig, '/', { headers: { cookie: 'x'.repeat(20_000) } })).status, 431)
  t.is((await ask(rig, '/', { headers: { 'x-bomb': 'x'.repeat(20_000) } })).status, 431)
  const names = ['__Host-zt_login', '__Host-zt_global']
  const cookie = names.map((name) => `${name}=${'A'.repeat(6000)}`).join('; ')
  const { status, body } = await ask(rig, '/', { headers: { cookie } })
  t.is(status, 200)
  t.regex(body, /Nobody is logged in/)
  const many = Array.from({ length: 1000 }, (_, index) => `c${index}=1`).join('; ')
  t.is((await ask(rig, '/', { headers: { cookie: many } })).status, 200)
})

test('T28: a cookie that stands twice counts as none: one of the two was planted', async (t) => {
  const rig = await startLoginRig(t, { providers: [LOCAL] })
  const theirs = await atChoice(rig)
  const { page, cookie } = await atChoice(rig)
  const { pathname, search } = linkTo(page, 'local')
  const twice = { cookie: `${theirs.cookie}; ${cookie}` }
  t.is((await ask(rig, `${pathname}${search}`, { headers: { cookie } })).status, 200)
  t.is((await ask(rig, `${pathname}${search}`, { headers: twice })).status, 400)
})

test("T28: a planted global session does not make an attacker's account answer", async (t) => {
  const desk = testDesk()
  const rig = await startLoginRig(t, { providers: [LOCAL], prompts: desk })
  const alice = rig.store.users.upsert(identityOf(ALICE, 'local'))
  desk.open.set(PROMPT.id, { ...PROMPT, userId: alice.id })
  const attacker = await atChoice(rig)
  const { email, password } = BOB
  const asked = await attacker.browser.open(linkTo(attacker.page, 'local').href)
  await attacker.browser.submit(formWith(asked, 'password'), { email, password })
  const planted = attacker.browser.cookies.get(rig.url.hostname)?.get('__Host-zt_global') ?? ''
  t.is(planted.length, 43)
  const victim = rig.browser()
  victim.cookies.set(rig.url.hostname, new Map([['__Host-zt_global', planted]]))
  const page = await victim.open(new URL(`/prompt/${PROMPT.id}`, rig.url).href)
  t.notRegex(text(page), /Continue as|bob@/)
})

test('T28: after the back button a form that was used does nothing more', async (t) => {
  const rig = await startLoginRig(t)
  const { userCode, deviceCode } = await beginEnrolment(rig)
  const browser = rig.browser()
  const { verificationUrl } = rig
  const confirm = await loginUpToConfirm(browser, { verificationUrl, userCode, ...ALICE })
  await browser.submit(formWith(confirm, 'decision'), {}, 'deny')
  const again = await browser.submit(formWith(confirm, 'decision'), {}, 'approve')
  t.is(again.status, 400)
  t.is((await pollEnrolment(rig, deviceCode)).body['error'], 'access_denied')
})

test('T28: of two tabs the older one can confirm nothing', async (t) => {
  const rig = await startLoginRig(t)
  const { userCode, deviceCode } = await beginEnrolment(rig)
  const browser = rig.browser()
  const { verificationUrl } = rig
  const confirm = await loginUpToConfirm(browser, { verificationUrl, userCode, ...ALICE })
  await browser.open(verificationUrl)
  t.is((await browser.submit(formWith(confirm, 'decision'), {}, 'approve')).status, 400)
  t.is((await pollEnrolment(rig, deviceCode)).body['error'], 'authorization_pending')
})

test('T93: nothing of a request, a prompt or a provider becomes markup', async (t) => {
  const bad = '"><script>alert(1)</script>'
  const prompt = { ...PROMPT, application: bad, deviceName: bad, host: bad, userEmail: bad }
  const naming = postingProvider(bad, { url: 'https://127.0.0.1:1/', account: ALICE })
  const rig = await startLoginRig(t, { providers: [naming], prompts: testDesk(prompt) })
  const browser = rig.browser()
  const query = new URLSearchParams({ provider: bad, journey: bad, error: bad, state: bad })
  const paths = [
    `/prompt/${prompt.id}`,
    `/login/to?${query}`,
    `/oidc/callback?${query}`,
    `/?${query}`,
  ]
  for (const path of paths) {
    const { html } = await browser.open(new URL(path, rig.url).href)
    t.notRegex(html, /<script/, path)
  }
})

test('A6: nobody else waits for a provider that hangs', async (t) => {
  const left = deferred<never>()
  const hanging: IdentityProvider = {
    ...postingProvider('hanging', { url: 'https://127.0.0.1:1/', account: ALICE }),
    begin: () => left.promise,
  }
  const rig = await startLoginRig(t, { providers: [hanging, LOCAL] })
  const stuck = await atChoice(rig)
  const given = stuck.browser.open(linkTo(stuck.page, 'hanging').href)
  const other = await atChoice(rig)
  t.is((await other.browser.open(linkTo(other.page, 'local').href)).status, 200)
  left.reject(new Error('the test is over'))
  const { status, html } = await given
  t.is(status, 500)
  t.notRegex(html, /the test is over/)
})

test('A6: a provider elsewhere that hangs is given up', async (t) => {
  const hanging: IdentityProvider = {
    ...postingProvider('hanging', { url: 'https://127.0.0.1:1/', account: ALICE }),
    begin: () => new Promise<never>(() => undefined),
  }
  const rig = await startLoginRig(t, { providers: [hanging], providerLimitMs: 50 })
  const { browser, page } = await atChoice(rig)
  t.is((await browser.open(linkTo(page, 'hanging').href)).status, 502)
})

test('A6: a form provider that hangs is given up', async (t) => {
  const hanging = { ...LOCAL, answer: () => new Promise<never>(() => undefined) }
  const rig = await startLoginRig(t, { providers: [hanging], providerLimitMs: 50 })
  const { browser, page } = await atChoice(rig)
  const asked = await browser.open(linkTo(page, 'local').href)
  const { email, password } = ALICE
  const given = await browser.submit(formWith(asked, 'password'), { email, password })
  t.is(given.status, 502)
})

const garbage = {
  'no JSON': 'x'.repeat(100),
  'another issuer': '{"issuer":"https://evil.example"}',
  nothing: '',
}
for (const [title, answer] of Object.entries(garbage)) {
  test(`A6: a provider that answers ${title} logs nobody in, and others go on`, async (t) => {
    const ca = await throwawayCa()
    const site = await startHttps(await ca.issue('127.0.0.1'), (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(answer)
    })
    t.teardown(site.close)
    const client = { clientId: 'zt', clientSecret: 'secret', caPem: ca.caPem }
    const rig = await startLoginRig(t, {
      providers: ({ log, now }) => [
        openIdp(
          {
            ...{ name: 'garbled', issuer: site.url, groupsClaim: 'groups', claims: [], ...client },
            redirectUri: 'https://127.0.0.1/oidc/callback',
          },
          { log, now },
        ),
      ],
    })
    const { browser, page } = await atChoice(rig)
    const refused = await browser.open(linkTo(page, 'garbled').href)
    t.is(refused.status, 403)
    const { userCode } = await beginEnrolment(rig)
    const { verificationUrl } = rig
    const done = await completeLogin({ verificationUrl, userCode, ca: rig.ca, ...ALICE })
    t.regex(text(done), /Device connected/)
  })
}

test('A6: what a provider says of a login is bounded, so that the cookie always fits', async (t) => {
  const boasting = {
    ...LOCAL,
    answer: async () => {
      const login = { atMs: Date.now(), acr: 'x'.repeat(5000) }
      return { kind: 'done', identity: { ...identityOf(ALICE, 'local'), login } } as const
    },
  }
  const rig = await startLoginRig(t, { providers: [boasting] })
  const { browser, page } = await atChoice(rig)
  const asked = await browser.open(linkTo(page, 'local').href)
  const { email, password } = ALICE
  t.is((await browser.submit(formWith(asked, 'password'), { email, password })).status, 403)
})

test('prompts cannot be guessed at leisure', async (t) => {
  const page = { perSource: 3, global: 10, windowSeconds: 60 }
  const rig = await startLoginRig(t, { limits: { page } })
  const seen = []
  for (const id of ['a', 'b', 'c', 'd']) seen.push((await ask(rig, `/prompt/${id}`)).status)
  t.deepEqual(seen, [404, 404, 404, 429])
})

test('T122: steps of a login are bounded for each address, before a body is read', async (t) => {
  const login = { perSource: 2, global: 10, windowSeconds: 60 }
  const rig = await startLoginRig(t, { limits: { login }, providers: [LOCAL, POSTING] })
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const form = { method: 'POST', headers, body: 'x'.repeat(20_000) }
  const seen = []
  for (const path of ['/login/to', '/oidc/callback']) seen.push((await ask(rig, path)).status)
  for (const path of ['/login/form', '/login/continue', '/posted/acs']) {
    seen.push((await ask(rig, path, form)).status)
  }
  t.deepEqual(seen, [400, 400, 429, 429, 429])
})
