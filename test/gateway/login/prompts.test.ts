import test, { type ExecutionContext } from 'ava'
import type { LoginWish } from '../../../gateway/identity/identity-provider.ts'
import type { Prompt } from '../../../gateway/prompt/prompts.ts'
import { answerPrompt, formWith, text } from '../../support/idp.ts'
import { identityOf, passwordProvider, postingProvider } from '../../support/login-providers.ts'
import { ALICE, BOB, startLoginRig } from '../../support/login-rig.ts'
import { PROMPT, testDesk } from '../../support/prompt-desk.ts'

/** A prompt for Alice at the provider `local`, and a browser at its page. */
async function atPrompt(t: ExecutionContext, change: Partial<Prompt> = {}, localAddress?: string) {
  const desk = testDesk()
  const providers = [passwordProvider('local', [ALICE, BOB])]
  const rig = await startLoginRig(t, { prompts: desk, providers })
  const alice = rig.store.users.upsert(identityOf(ALICE, 'local'))
  const prompt = { ...PROMPT, userId: alice.id, ...change }
  desk.open.set(prompt.id, prompt)
  const browser = rig.browser(localAddress)
  const page = await browser.open(new URL(`/prompt/${prompt.id}`, rig.url).href)
  const logIn = async ({ email, password } = ALICE) => {
    const link = page.links.find((href) => href.includes('provider=local')) ?? ''
    const asked = await browser.open(link)
    return browser.submit(formWith(asked, 'password'), { email, password })
  }
  return { rig, desk, alice, prompt, browser, page, logIn }
}

test('D9: the page of a prompt names what waits, before anybody logs in', async (t) => {
  const { page } = await atPrompt(t, { host: '2001:db8::7' })
  const read = text(page).replaceAll('&#39;', "'")
  const wanted = [PROMPT.deviceName, 'database', '[2001:db8::7]:5432', ALICE.email, '127.0.0.1']
  for (const part of wanted) t.true(read.includes(part), part)
  t.notRegex(read, /another address/)
})

test('D9 T28: it warns when browser and device come from different addresses', async (t) => {
  const { page } = await atPrompt(t, {}, '127.0.0.2')
  t.regex(text(page), /another address \(127\.0\.0\.1\) than this browser \(127\.0\.0\.2\)/)
})

test('D9: the user logs in, and the connection goes on', async (t) => {
  const { desk, alice, logIn } = await atPrompt(t)
  const done = await logIn()
  t.is(done.status, 200)
  t.regex(text(done), /You may close this page; your connection goes on/)
  t.is(desk.logins.length, 1)
  t.is(desk.logins[0]?.userId, alice.id)
})

test('D9 A6: the same at a provider elsewhere; its answer does not stay in the address', async (t) => {
  const desk = testDesk()
  const rig = await startLoginRig(t, { prompts: desk })
  const alice = rig.store.users.upsert(identityOf(ALICE, 'corp'))
  desk.open.set(PROMPT.id, { ...PROMPT, userId: alice.id, maxAgeSeconds: 300 })
  const url = new URL(`/prompt/${PROMPT.id}`, rig.url).href
  const done = await answerPrompt(rig.browser(), { url, ...ALICE })
  t.is(done.url, new URL('/prompt/done', rig.url).href)
  t.is(desk.logins[0]?.userId, alice.id)
})

test('D9: another user is refused as different_user, and both stand in the log', async (t) => {
  const { desk, alice, rig, logIn } = await atPrompt(t)
  const page = await logIn(BOB)
  t.is(page.status, 403)
  t.regex(text(page), /different_user/)
  t.deepEqual(desk.logins, [])
  const bob = rig.store.users.upsert(identityOf(BOB, 'local'))
  const line = rig.logged.find((one) => one.includes('different_user')) ?? ''
  t.true(line.includes(alice.id) && line.includes(bob.id))
})

test('D9: a prompt that is over is said to be so, at the page and after the login', async (t) => {
  const { desk, browser, rig, logIn } = await atPrompt(t)
  desk.open.clear()
  t.is((await logIn()).status, 400)
  t.deepEqual(desk.logins, [])
  t.is((await browser.open(new URL(`/prompt/${PROMPT.id}`, rig.url).href)).status, 404)
  t.is((await browser.open(new URL(`/prompt/${'x'.repeat(200)}`, rig.url).href)).status, 414)
})

test('D9: what the desk refuses is told with its reason', async (t) => {
  const { desk, logIn } = await atPrompt(t)
  desk.loggedIn = async () => ({ ok: false, error: 'login_too_old' })
  const page = await logIn()
  t.is(page.status, 403)
  t.regex(text(page), /login_too_old/)
})

test('D9: the provider is told how fresh and how strong the login must be', async (t) => {
  const wishes: LoginWish[] = []
  const watched = {
    ...postingProvider('poster', { url: 'https://127.0.0.1:1/', account: ALICE }),
    begin: async (wish: LoginWish) => {
      wishes.push(wish)
      return { ok: false, error: { reason: 'provider_unreachable' } } as const
    },
  }
  const prompt = { ...PROMPT, remedy: 'mfa', maxAgeSeconds: 60, acrValues: ['high'] } as const
  const rig = await startLoginRig(t, { prompts: testDesk(prompt), providers: [watched] })
  const browser = rig.browser()
  const page = await browser.open(new URL(`/prompt/${prompt.id}`, rig.url).href)
  await browser.open(page.links.find((href) => href.includes('poster')) ?? '')
  t.deepEqual(wishes, [{ maxAgeSeconds: 60, acrValues: ['high'] }])
})

test('D9: an approval names the request and who decides, and offers no login', async (t) => {
  const approval = { requestId: 'REQ-7', approvers: ['email: carol@example.com', 'group: leads'] }
  const { page } = await atPrompt(t, { remedy: 'approval', approval })
  for (const part of ['REQ-7', ...approval.approvers]) t.true(text(page).includes(part))
  t.deepEqual(page.links, [])
  t.deepEqual(page.forms, [])
})

test('D9: a purpose is asked for after the login, and handed on as typed', async (t) => {
  const { desk, browser, logIn } = await atPrompt(t, { remedy: 'justify' })
  const asked = await logIn()
  t.regex(text(asked), /What is this connection for/)
  t.deepEqual(desk.logins, [])
  const why = ' Ticket 7: <b>restore</b> & "check" '
  const done = await browser.submit(formWith(asked, 'why'), { why })
  t.regex(text(done), /your connection goes on/)
  t.deepEqual(desk.purposes, [why.trim()])
})

const badPurposes = {
  nothing: '',
  'only spaces': '   ',
  'more than 500 characters': 'x'.repeat(501),
  'a line break': 'one\ntwo',
  'a control character': 'a\u001b[2J',
  'a change of direction': 'a\u202eb',
}
for (const [title, why] of Object.entries(badPurposes)) {
  test(`D9 T93: refuses a purpose with ${title}, and asks again`, async (t) => {
    const { desk, browser, logIn } = await atPrompt(t, { remedy: 'justify' })
    const asked = await logIn()
    const again = await browser.submit(formWith(asked, 'why'), { why })
    t.is(again.status, 400)
    t.deepEqual(desk.purposes, [])
    t.true(why.trim() === '' || !again.html.includes(why))
    await browser.submit(formWith(again, 'why'), { why: '\u{1F600}'.repeat(500) })
    t.is(desk.purposes.length, 1)
  })
}

test('D9 T28: a purpose without its token, of nobody, or too late is refused', async (t) => {
  const { desk, rig, browser, logIn } = await atPrompt(t, { remedy: 'justify' })
  const form = formWith(await logIn(), 'why')
  const values = { why: 'because' }
  const forged = { ...form, fields: { csrf: 'x'.repeat(43), why: '' } }
  t.is((await browser.submit(forged, values)).status, 403)
  t.is((await rig.browser().submit(form, values)).status, 400)
  desk.open.clear()
  t.is((await browser.submit(form, values)).status, 400)
  t.deepEqual(desk.purposes, [])
})

test('D9: another user is not even asked for a purpose', async (t) => {
  const { logIn } = await atPrompt(t, { remedy: 'justify' })
  const page = await logIn(BOB)
  t.is(page.status, 403)
  t.regex(text(page), /different_user/)
})
