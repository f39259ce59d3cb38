import test from 'ava'
import { Browser } from '../../support/browser.ts'
import { completeLogin, formWith, loginUpToConfirm, text } from '../../support/idp.ts'
import { ALICE, beginEnrolment, pollEnrolment, startLoginRig } from '../../support/login-rig.ts'

const STRICT =
  /^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]+'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'$/

test('T28: the page shows device, address and the words of the terminal, before and after the login', async (t) => {
  const rig = await startLoginRig(t)
  const { userCode, keyWords } = await beginEnrolment(rig, { name: "Ann's laptop" })
  const browser = rig.browser()
  const start = await browser.open(rig.verificationUrl)
  const shown = await browser.submit(formWith(start, 'user_code'), { user_code: userCode })
  const read = text(shown).replaceAll('&#39;', "'")
  for (const wanted of ["Ann's laptop", '127.0.0.1', keyWords]) t.true(read.includes(wanted))
  t.notRegex(read, /another address/)
  const { verificationUrl } = rig
  const confirm = await loginUpToConfirm(rig.browser(), { verificationUrl, userCode, ...ALICE })
  const asked = text(confirm).replaceAll('&#39;', "'")
  for (const wanted of ["Ann's laptop", '127.0.0.1', keyWords, ALICE.email]) {
    t.true(asked.includes(wanted))
  }
})

test('T28: warns when browser and device come from different addresses', async (t) => {
  const rig = await startLoginRig(t)
  const { userCode } = await beginEnrolment(rig, { localAddress: '127.0.0.2' })
  const { verificationUrl } = rig
  const confirm = await loginUpToConfirm(rig.browser(), { verificationUrl, userCode, ...ALICE })
  t.regex(text(confirm), /another address \(127\.0\.0\.2\) than this browser \(127\.0\.0\.1\)/)
})

test('D7: a code may be typed in any case, with spaces and hyphens', async (t) => {
  const rig = await startLoginRig(t)
  const { userCode, deviceCode } = await beginEnrolment(rig)
  const typed = ` ${userCode.toLowerCase().replace('-', ' - ')} `
  const { verificationUrl, ca } = rig
  const done = await completeLogin({ verificationUrl, userCode: typed, ca, ...ALICE })
  t.regex(text(done), /Device connected/)
  t.is((await pollEnrolment(rig, deviceCode)).status, 200)
})

test('T93 T94: pages run no script, load nothing, and cannot be framed', async (t) => {
  const rig = await startLoginRig(t)
  const name = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
  const { userCode } = await beginEnrolment(rig, { name })
  const browser = rig.browser()
  const start = await browser.open(rig.verificationUrl)
  const shown = await browser.submit(formWith(start, 'user_code'), { user_code: userCode })
  t.true(shown.html.includes('&lt;script&gt;alert(1)&lt;/script&gt;&quot;&gt;&lt;img src=x'))
  for (const page of [start, shown]) {
    t.notRegex(page.html, /<script|<img|<link|javascript:|<[^>]*\son[a-z]+=/i)
    t.regex(String(page.headers['content-security-policy']), STRICT)
    t.is(page.headers['x-content-type-options'], 'nosniff')
    t.is(page.headers['cache-control'], 'no-store')
    t.regex(String(page.headers['strict-transport-security']), /max-age=\d{8}/)
    const [cookie = ''] = page.headers['set-cookie'] ?? []
    t.regex(
      cookie,
      /^__Host-zt_login=[\w.-]+; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=600$/,
    )
  }
})

test('T28: a code is never taken from the address', async (t) => {
  const rig = await startLoginRig(t)
  const { userCode } = await beginEnrolment(rig)
  const page = await rig.browser().open(`${rig.verificationUrl}?user_code=${userCode}`)
  t.is(formWith(page, 'user_code').fields['user_code'], '')
  t.false(page.html.includes(userCode))
})

const forged = {
  'no token': (fields: Record<string, string>) => {
    delete fields['csrf']
  },
  'an empty token': (fields: Record<string, string>) => {
    fields['csrf'] = ''
  },
  'another token': (fields: Record<string, string>) => {
    fields['csrf'] = 'x'.repeat(43)
  },
  'a field too many': (fields: Record<string, string>) => {
    fields['admin'] = '1'
  },
}
for (const [title, forge] of Object.entries(forged)) {
  test(`T28: refuses forms with ${title}`, async (t) => {
    const rig = await startLoginRig(t)
    const { userCode, deviceCode } = await beginEnrolment(rig)
    const browser = rig.browser()
    const form = formWith(await browser.open(rig.verificationUrl), 'user_code')
    const fields: Record<string, string> = { ...form.fields, user_code: userCode }
    forge(fields)
    t.is((await browser.submit({ ...form, fields })).status, 403)

    const { verificationUrl } = rig
    const page = await loginUpToConfirm(browser, { verificationUrl, userCode, ...ALICE })
    const confirm = formWith(page, 'decision')
    const answers: Record<string, string> = { ...confirm.fields, decision: 'approve' }
    forge(answers)
    t.is((await browser.submit({ ...confirm, fields: answers })).status, 403)
    t.is((await pollEnrolment(rig, deviceCode)).body['error'], 'authorization_pending')
  })
}

test('T28: refuses a form that another origin sent', async (t) => {
  const rig = await startLoginRig(t)
  const { userCode } = await beginEnrolment(rig)
  const form = formWith(await rig.browser().open(rig.verificationUrl), 'user_code')
  const body = new URLSearchParams({ ...form.fields, user_code: userCode }).toString()
  for (const origin of ['https://evil.example', 'null', rig.url.origin.replace('https', 'http')]) {
    const headers = { origin, 'content-type': 'application/x-www-form-urlencoded' }
    t.is((await rig.post('/device', body, { headers })).status, 403)
  }
})

test('T28: the token of one browser does nothing in another', async (t) => {
  const rig = await startLoginRig(t)
  const { userCode } = await beginEnrolment(rig)
  const theirs = formWith(await rig.browser().open(rig.verificationUrl), 'user_code')
  const other = rig.browser()
  await other.open(rig.verificationUrl)
  t.is((await other.submit(theirs, { user_code: userCode })).status, 403)
  t.is((await rig.browser().submit(theirs, { user_code: userCode })).status, 403)
})

test("T28: a login that began in one browser cannot end in another's session", async (t) => {
  const rig = await startLoginRig(t)
  const attacker = rig.browser()
  const { userCode, deviceCode } = await beginEnrolment(rig)
  const start = await attacker.open(rig.verificationUrl)
  const shown = await attacker.submit(formWith(start, 'user_code'), { user_code: userCode })
  const link = shown.links.find((href) => href.includes('/login/to')) ?? ''
  const provider = await attacker.open(link)
  // The victim logs in at a provider page that the attacker prepared: the answer comes to a browser without that state.
  const victim = new Browser({ ca: rig.ca })
  const host = new URL(provider.url).hostname
  victim.cookies.set(host, new Map(attacker.cookies.get(host)))
  const { email, password } = ALICE
  const landed = await victim.submit(formWith(provider, 'password'), { email, password })
  t.is(landed.status, 400)
  t.regex(text(landed), /start again/)
  t.is((await pollEnrolment(rig, deviceCode)).body['error'], 'authorization_pending')
})

test('T28: steps cannot be skipped', async (t) => {
  const rig = await startLoginRig(t)
  const paths = ['/login/to?provider=corp', '/oidc/callback?code=x&state=y', '/device/confirm']
  for (const path of paths) {
    const browser = rig.browser()
    t.is((await browser.open(new URL(path, rig.url).href)).status, 400)
    await browser.open(rig.verificationUrl)
    t.is((await browser.open(new URL(path, rig.url).href)).status, 400)
  }
})

test('A6: a provider that is not configured is refused', async (t) => {
  const rig = await startLoginRig(t)
  const { userCode } = await beginEnrolment(rig)
  const browser = rig.browser()
  const start = await browser.open(rig.verificationUrl)
  const shown = await browser.submit(formWith(start, 'user_code'), { user_code: userCode })
  const page = await browser.open((shown.links[0] ?? '').replace('provider=corp', 'provider=evil'))
  t.is(page.status, 400)
})

test('T93: what a provider says about an error is not repeated', async (t) => {
  const rig = await startLoginRig(t)
  const { userCode } = await beginEnrolment(rig)
  const browser = rig.browser()
  const start = await browser.open(rig.verificationUrl)
  const shown = await browser.submit(formWith(start, 'user_code'), { user_code: userCode })
  await browser.open(shown.links[0] ?? '')
  const query = new URLSearchParams({
    error: '<script>alert(1)</script>',
    error_description: '<script>alert(2)</script>',
    state: 'x',
    iss: rig.idp.issuer,
  })
  const page = await browser.open(new URL(`/oidc/callback?${query}`, rig.url).href)
  t.is(page.status, 403)
  t.notRegex(page.html, /alert/)
})

test('A6: a provider that is down is said to be so', async (t) => {
  const rig = await startLoginRig(t)
  const { userCode } = await beginEnrolment(rig)
  const browser = rig.browser()
  const start = await browser.open(rig.verificationUrl)
  const shown = await browser.submit(formWith(start, 'user_code'), { user_code: userCode })
  await rig.idp.close()
  const page = await browser.open(shown.links[0] ?? '')
  t.is(page.status, 502)
  t.regex(text(page), /cannot be reached/)
})

test('T28: guessing codes is stopped, for one source and for all', async (t) => {
  const userCode = { perSource: 2, global: 3, windowSeconds: 60 }
  const rig = await startLoginRig(t, { limits: { userCode } })
  const guess = async (localAddress: string) => {
    const browser = rig.browser(localAddress)
    const form = formWith(await browser.open(rig.verificationUrl), 'user_code')
    return (await browser.submit(form, { user_code: 'BBBBB-BBBBB' })).status
  }
  const seen = []
  for (const address of ['127.0.0.1', '127.0.0.1', '127.0.0.1', '127.0.0.2', '127.0.0.3']) {
    seen.push(await guess(address))
  }
  t.deepEqual(seen, [400, 400, 429, 400, 429])
})

test('T123: a form above 2 KiB is refused', async (t) => {
  const rig = await startLoginRig(t)
  const browser = rig.browser()
  const form = formWith(await browser.open(rig.verificationUrl), 'user_code')
  t.is((await browser.submit(form, { user_code: 'B'.repeat(3000) })).status, 413)
})
