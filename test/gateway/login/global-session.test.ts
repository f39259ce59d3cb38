import test, { type ExecutionContext } from 'ava'
import { generateDeviceKey } from '../../../daemon/enrol/device-key.ts'
import { openGlobalSessions } from '../../../gateway/login/global-session.ts'
import type { Prompt } from '../../../gateway/prompt/prompts.ts'
import { openSessions } from '../../../gateway/session/sessions-store.ts'
import { openMemoryStore } from '../../../gateway/store/memory-store.ts'
import type { Browser, PageShown } from '../../support/browser.ts'
import { formWith, loginUpToConfirm, text } from '../../support/idp.ts'
import { identityOf, passwordProvider } from '../../support/login-providers.ts'
import {
  ALICE,
  BOB,
  beginEnrolment,
  type LoginRig,
  pollEnrolment,
  startLoginRig,
} from '../../support/login-rig.ts'
import { PROMPT, testDesk } from '../../support/prompt-desk.ts'
import { memoryLog } from '../../support/tunnel.ts'

const EIGHT_HOURS_MS = 8 * 3_600_000

/** A browser in which Alice has answered a prompt, and a way to open the next one. */
async function loggedIn(t: ExecutionContext, globalSessionMs = EIGHT_HOURS_MS) {
  const desk = testDesk()
  const providers = [passwordProvider('local', [ALICE, BOB])]
  const rig = await startLoginRig(t, { prompts: desk, providers, globalSessionMs })
  const alice = rig.store.users.upsert(identityOf(ALICE, 'local'))
  const browser = rig.browser()
  const ask = (change: Partial<Prompt> = {}) => {
    desk.open.set(PROMPT.id, { ...PROMPT, userId: alice.id, ...change })
    return browser.open(new URL(`/prompt/${PROMPT.id}`, rig.url).href)
  }
  await logIn(browser, await ask())
  return { rig, desk, alice, browser, ask }
}

async function logIn(browser: Browser, page: PageShown, { email, password } = ALICE) {
  const link = page.links.find((href) => href.includes('provider=local')) ?? ''
  return browser.submit(formWith(await browser.open(link), 'password'), { email, password })
}

const OFFER = /Continue as alice@example\.com/

test('A5: after a login the next prompt needs one click, and counts with the first login', async (t) => {
  const { rig, desk, browser, ask } = await loggedIn(t)
  rig.clock.aheadMs += 3_600_000
  const page = await ask()
  t.regex(text(page), OFFER)
  const done = await browser.submit(formWith(page, 'csrf'))
  t.regex(text(done), /your connection goes on/)
  const [first, second] = desk.logins
  t.deepEqual(second, first)
  t.true(rig.logged.some((line) => line.includes('login continued')))
})

test('A5: the cookie is bound to the host, and nothing of it stands in store or log', async (t) => {
  const { rig, browser } = await loggedIn(t)
  const id = browser.cookies.get(rig.url.hostname)?.get('__Host-zt_global') ?? ''
  t.regex(id, /^[\w-]{43}$/)
  const [stored] = rig.store.browserSessions.list({ limit: 10 })
  t.regex(stored?.idSha256 ?? '', /^[0-9a-f]{64}$/)
  for (const kept of [JSON.stringify(stored), ...rig.logged]) t.false(kept.includes(id))
})

const notOffered: Readonly<Record<string, Partial<Prompt>>> = {
  'one that wants a younger login': { maxAgeSeconds: 1800 },
  "another user's": { userId: 'somebody-else' },
  'one that wants a second factor': { remedy: 'mfa' },
  'one that wants another context class': { remedy: 'mfa', acrValues: ['high'] },
}
for (const [title, change] of Object.entries(notOffered)) {
  test(`A5: it does not serve ${title}, not even when the form is made up`, async (t) => {
    const { rig, desk, browser, ask } = await loggedIn(t)
    rig.clock.aheadMs += 3_600_000
    const served = formWith(await ask(), 'csrf')
    const page = await ask(change)
    t.notRegex(text(page), /Continue as/)
    t.true((await browser.submit(served)).status >= 400)
    t.is(desk.logins.length, 1)
  })
}

const over: Readonly<Record<string, (rig: LoginRig, userId: string) => void>> = {
  'when its time is over': (rig) => {
    rig.clock.aheadMs += EIGHT_HOURS_MS
  },
  'when the user is disabled': (rig) => {
    const change = { groups: [], disabledAtMs: Date.now() }
    rig.store.users.refresh('local', ALICE.email, change)
  },
  'when all logins of the user are revoked': (rig, userId) => {
    rig.sessions.revoke({ kind: 'user', userId })
  },
}
for (const [title, end] of Object.entries(over)) {
  test(`A5: it is no session ${title}, also between page and click`, async (t) => {
    const { rig, desk, browser, alice, ask } = await loggedIn(t)
    const page = await ask()
    end(rig, alice.id)
    t.is((await browser.submit(formWith(page, 'csrf'))).status, 400)
    t.notRegex(text(await ask()), /Continue as/)
    t.is(desk.logins.length, 1)
  })
}

test('A5: with a length of 0s there is none', async (t) => {
  const { rig, browser, ask } = await loggedIn(t, 0)
  t.notRegex(text(await ask()), /Continue as/)
  t.false(browser.cookies.get(rig.url.hostname)?.has('__Host-zt_global') ?? false)
  t.deepEqual(rig.store.browserSessions.list({ limit: 1 }), [])
})

test('A5: another account can be used instead; the browser has its session then', async (t) => {
  const { rig, browser, ask } = await loggedIn(t)
  const page = await ask()
  t.regex(text(page), /Or use another account/)
  const link = page.links.find((href) => href.includes('provider=corp')) ?? ''
  t.is(new URL((await browser.open(link)).url).hostname, '127.0.0.1')
  t.is((await logIn(browser, await ask(), BOB)).status, 403)
  t.regex(text(await browser.open(rig.url.href)), /logged in as bob@example.com/)
  const sessions = rig.store.browserSessions.list({ limit: 10 })
  t.is(sessions.filter(({ revokedAtMs }) => revokedAtMs === undefined).length, 1)
})

test('A5 D7: a new device takes a login of the last quarter of an hour, a fresh login of a device takes none', async (t) => {
  const { rig, browser } = await loggedIn(t)
  const key = generateDeviceKey()
  const asked = async () => {
    const { userCode, deviceCode } = await beginEnrolment(rig, { key })
    const start = await browser.open(rig.verificationUrl)
    const code = formWith(start, 'user_code')
    return { page: await browser.submit(code, { user_code: userCode }), deviceCode }
  }
  const { page, deviceCode } = await asked()
  const confirm = await browser.submit(formWith(page, 'csrf'))
  t.regex(text(confirm), /Account alice@example.com/)
  await browser.submit(formWith(confirm, 'decision'), {}, 'approve')
  const { body } = await pollEnrolment(rig, deviceCode)
  const [session] = rig.store.browserSessions.list({ limit: 1 })
  t.is(rig.store.devices.get(String(body['device_id']))?.login.atMs, session?.login.atMs)
  t.true(rig.told.some((change) => change.kind === 'device'))
  t.notRegex(text((await asked()).page), /Continue as/)
  rig.clock.aheadMs += 16 * 60_000
  const other = await beginEnrolment(rig)
  const start = await browser.open(rig.verificationUrl)
  const late = await browser.submit(formWith(start, 'user_code'), { user_code: other.userCode })
  t.notRegex(text(late), /Continue as/)
})

test('A5: the front page says who you are, and logging out ends it at once', async (t) => {
  const { rig, browser, ask } = await loggedIn(t)
  const home = await browser.open(rig.url.href)
  t.regex(text(home), /logged in as alice@example.com/)
  const question = await browser.open(home.links.find((href) => href.endsWith('/logout')) ?? '')
  const form = formWith(question, 'csrf')
  const forged = await browser.submit({ ...form, fields: { csrf: 'x'.repeat(43) } })
  t.is(forged.status, 403)
  t.regex(text(await browser.submit(form)), /Logged out/)
  t.notRegex(text(await ask()), /Continue as/)
  t.regex(text(await browser.open(rig.url.href)), /Nobody is logged in/)
  const [session] = rig.store.browserSessions.list({ limit: 1 })
  t.is(typeof session?.revokedAtMs, 'number')
})

test("T28: the logout token of one browser does nothing in another's", async (t) => {
  const { rig, browser } = await loggedIn(t)
  const question = await browser.open(new URL('/logout', rig.url).href)
  const other = rig.browser()
  const { userCode } = await beginEnrolment(rig)
  await loginUpToConfirm(other, { verificationUrl: rig.verificationUrl, userCode, ...BOB })
  t.is((await other.submit(formWith(question, 'csrf'))).status, 403)
  t.regex(text(await other.open(rig.url.href)), /bob@example.com/)
})

test('A5: a login that counts for a shorter time makes a shorter session', (t) => {
  const store = openMemoryStore()
  const identity = identityOf(ALICE, 'local')
  const user = store.users.upsert(identity)
  let nowMs = 1000
  const now = () => nowMs
  const live = openSessions({ store, log: memoryLog(), now })
  const open = (lengthMs: number) => openGlobalSessions({ store, sessions: live, lengthMs, now })
  const sessions = open(10_000)
  const login = { atMs: 0, notAfterMs: 3000 }
  const cookie = sessions.begin({ user, login }) ?? ''
  t.regex(cookie, /; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=2$/)
  const header = cookie.split(';')[0]
  nowMs = 2999
  t.deepEqual(sessions.find(header)?.login, login)
  t.is(sessions.find(`${header}; ${header}`), undefined)
  t.is(open(1000).find(header), undefined)
  nowMs = 3000
  t.is(sessions.find(header), undefined)
  t.is(sessions.begin({ user, login }), undefined)
})
