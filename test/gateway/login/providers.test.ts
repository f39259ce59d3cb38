import test from 'ava'
import type { PageShown } from '../../support/browser.ts'
import { formWith, text } from '../../support/idp.ts'
import { passwordProvider, postingProvider } from '../../support/login-providers.ts'
import {
  ALICE,
  BOB,
  beginEnrolment,
  type LoginRig,
  pollEnrolment,
  startLoginRig,
} from '../../support/login-rig.ts'

/** The device page of a fresh enrolment. */
async function atChoice(rig: LoginRig) {
  const { userCode, deviceCode } = await beginEnrolment(rig)
  const browser = rig.browser()
  const start = await browser.open(rig.verificationUrl)
  const page = await browser.submit(formWith(start, 'user_code'), { user_code: userCode })
  return { browser, page, deviceCode }
}

function linkTo(page: PageShown, provider: string): string {
  const link = page.links.find((href) => new URL(href).searchParams.get('provider') === provider)
  if (link === undefined) throw new Error(`no link to ${provider}: ${text(page)}`)
  return link
}

const LOCAL = passwordProvider('local', [ALICE])

test('A6: a provider with a form of our own: a wrong try says so, the right one ends in a device', async (t) => {
  const rig = await startLoginRig(t, { providers: [LOCAL] })
  const { browser, page, deviceCode } = await atChoice(rig)
  const asked = await browser.open(linkTo(page, 'local'))
  t.regex(
    asked.html,
    /<label>Email<br><input name="email" type="email" autocomplete="username"[^>]* autofocus>/,
  )
  t.is(asked.html.match(/autofocus/g)?.length, 1)
  const { email, password } = ALICE
  const wrong = await browser.submit(formWith(asked, 'password'), { email, password: 'wrong' })
  t.is(wrong.status, 400)
  t.regex(text(wrong), /Email or password is wrong/)
  t.false(wrong.html.includes(email))
  const confirm = await browser.submit(formWith(wrong, 'password'), { email, password })
  t.regex(text(confirm), /Account alice@example.com/)
  const done = await browser.submit(formWith(confirm, 'decision'), {}, 'approve')
  t.regex(text(done), /Device connected/)
  t.is((await pollEnrolment(rig, deviceCode)).status, 200)
})

test('A6: a provider may end the login, and then nothing is left of it', async (t) => {
  const rig = await startLoginRig(t, { providers: [LOCAL] })
  const { browser, page } = await atChoice(rig)
  let shown = await browser.open(linkTo(page, 'local'))
  const form = formWith(shown, 'password')
  for (const _try of [1, 2, 3]) {
    shown = await browser.submit(formWith(shown, 'password'), { email: 'x@y.z', password: 'no' })
  }
  t.is(shown.status, 403)
  t.is((await browser.submit(form, { email: 'x@y.z', password: 'no' })).status, 400)
})

const wrongForms: Readonly<Record<string, (fields: Record<string, string>) => void>> = {
  'a field too many': (fields) => Object.assign(fields, { admin: '1' }),
  'a field too few': (fields) => delete fields['email'],
  'another token': (fields) => Object.assign(fields, { csrf: 'x'.repeat(43) }),
  'a value above 1 KiB': (fields) => Object.assign(fields, { password: 'é'.repeat(513) }),
}
for (const [title, spoil] of Object.entries(wrongForms)) {
  test(`T28: a provider's form with ${title} never gets to the provider`, async (t) => {
    const answered: unknown[] = []
    const watched = {
      ...LOCAL,
      answer: (...all: Parameters<typeof LOCAL.answer>) => {
        answered.push(all)
        return LOCAL.answer(...all)
      },
    }
    const rig = await startLoginRig(t, { providers: [watched] })
    const { browser, page } = await atChoice(rig)
    const form = formWith(await browser.open(linkTo(page, 'local')), 'password')
    const fields = { ...form.fields, email: ALICE.email, password: ALICE.password }
    spoil(fields)
    t.is((await browser.submit({ ...form, fields })).status, 403)
    t.deepEqual(answered, [])
  })
}

test('T123: a form above 16 KiB is not read', async (t) => {
  const rig = await startLoginRig(t, { providers: [LOCAL] })
  const { browser, page } = await atChoice(rig)
  const form = formWith(await browser.open(linkTo(page, 'local')), 'password')
  t.is((await browser.submit(form, { password: 'x'.repeat(17_000) })).status, 413)
})

test('A6: after the back button another provider can be chosen in the same journey', async (t) => {
  const rig = await startLoginRig(t, { providers: [LOCAL] })
  const { browser, page } = await atChoice(rig)
  await browser.open(linkTo(page, 'corp'))
  const asked = await browser.open(linkTo(page, 'local'))
  const { email, password } = ALICE
  const confirm = await browser.submit(formWith(asked, 'password'), { email, password })
  t.regex(text(confirm), /Account alice@example.com/)
})

test('T28: a link of one tab does nothing in the journey of another', async (t) => {
  const rig = await startLoginRig(t, { providers: [LOCAL] })
  const { browser, page } = await atChoice(rig)
  const second = await beginEnrolment(rig)
  const start = await browser.open(rig.verificationUrl)
  await browser.submit(formWith(start, 'user_code'), { user_code: second.userCode })
  t.is((await browser.open(linkTo(page, 'local'))).status, 400)
  t.is((await browser.open(linkTo(page, 'corp'))).status, 400)
})

/** What another site has the browser post. */
function postBack(rig: LoginRig, cookie: string, answer: Readonly<Record<string, string>>) {
  const headers = {
    origin: 'https://idp.example',
    'content-type': 'application/x-www-form-urlencoded',
    cookie,
  }
  return rig.post('/posted/acs', new URLSearchParams(answer).toString(), { headers })
}

const POSTING = postingProvider('poster', { url: 'https://127.0.0.1:1/sso', account: BOB })

/** The cookie that a browser leaves with, as `Set-Cookie` gave it. */
async function leftWith(rig: LoginRig): Promise<string> {
  const { browser, page } = await atChoice(rig)
  // The provider's site is not there: the browser comes as far as leaving.
  await browser.open(linkTo(page, 'poster')).catch(() => undefined)
  const jar = browser.cookies.get(rig.url.hostname)
  return `__Host-zt_login=${jar?.get('__Host-zt_login')}`
}

test('A6: a provider may have the browser post its answer from its own site', async (t) => {
  const rig = await startLoginRig(t, { providers: [POSTING] })
  const cookie = await leftWith(rig)
  const answer = await postBack(rig, cookie, { InResponseTo: 'r1' })
  t.is(answer.status, 303)
  t.is((await postBack(rig, cookie, { InResponseTo: 'r2' })).status, 403)
  t.is((await postBack(rig, 'a=b', { InResponseTo: 'r1' })).status, 400)
})

test('T28: an answer is taken only where its provider sends it', async (t) => {
  const rig = await startLoginRig(t, { providers: [POSTING, LOCAL] })
  const { browser, page } = await atChoice(rig)
  await browser.open(linkTo(page, 'corp'))
  const jar = browser.cookies.get(rig.url.hostname)
  const cookie = `__Host-zt_login=${jar?.get('__Host-zt_login')}`
  t.is((await postBack(rig, cookie, { InResponseTo: 'r1' })).status, 400)
  await browser.open(linkTo(page, 'local'))
  const callback = new URL('/oidc/callback?code=x&state=y', rig.url).href
  t.is((await browser.open(callback)).status, 400)
})
