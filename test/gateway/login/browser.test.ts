/**
 * The journeys in a real browser. Gateway and provider are different sites, so its cookie rules count.
 */
import test, { type ExecutionContext } from 'ava'
import type { Page } from 'playwright-core'
import { type Logo, readLogo } from '../../../gateway/login/logo.ts'
import type { Prompt } from '../../../gateway/prompt/prompts.ts'
import { chromiumFor, complaintsOf, logInAt, typeCode } from '../../support/chromium.ts'
import { startHttps } from '../../support/https-target.ts'
import { identityOf, passwordProvider, postingProvider } from '../../support/login-providers.ts'
import {
  ALICE,
  BOB,
  beginEnrolment,
  pollEnrolment,
  startLoginRig,
} from '../../support/login-rig.ts'
import { PROMPT, testDesk } from '../../support/prompt-desk.ts'
import { throwawayCa } from '../../support/throwaway-ca.ts'

const open = chromiumFor(test)

async function assertReads(t: ExecutionContext, page: Page, wanted: RegExp) {
  t.regex((await page.locator('body').textContent()) ?? '', wanted)
}

for (const javaScript of [true, false]) {
  const how = javaScript ? 'with' : 'without'

  test(`D7 A6: a device is enrolled ${how} JavaScript`, async (t) => {
    const rig = await startLoginRig(t)
    const { userCode, deviceCode, keyWords } = await beginEnrolment(rig)
    const page = await open(t, { javaScript })
    const complaints = complaintsOf(page)
    await typeCode(page, rig.verificationUrl, userCode)
    await assertReads(t, page, new RegExp(keyWords))
    await logInAt(page, 'corp', ALICE)
    await page.getByRole('button', { name: 'Confirm' }).click()
    await assertReads(t, page, /Device connected/)
    t.is((await pollEnrolment(rig, deviceCode)).status, 200)
    t.deepEqual(complaints, [])
  })

  test(`D9 A6: a prompt is answered ${how} JavaScript`, async (t) => {
    const desk = testDesk()
    const rig = await startLoginRig(t, { prompts: desk })
    const alice = rig.store.users.upsert(identityOf(ALICE, 'corp'))
    desk.open.set(PROMPT.id, { ...PROMPT, userId: alice.id })
    const page = await open(t, { javaScript })
    await page.goto(`${rig.url.origin}/prompt/${PROMPT.id}`)
    await logInAt(page, 'corp', ALICE)
    await assertReads(t, page, /your connection goes on/)
    t.is(desk.logins[0]?.userId, alice.id)
    t.is(new URL(page.url()).search, '')
  })
}

test('A6: a form of our own has labels, focus, and fits a telephone', async (t) => {
  const desk = testDesk()
  const providers = [passwordProvider('local', [ALICE])]
  const rig = await startLoginRig(t, { prompts: desk, providers })
  const alice = rig.store.users.upsert(identityOf(ALICE, 'local'))
  const host = `${'long-label.'.repeat(20)}corp.internal`
  desk.open.set(PROMPT.id, { ...PROMPT, userId: alice.id, host })
  const page = await open(t)
  await page.goto(`${rig.url.origin}/prompt/${PROMPT.id}`)
  t.is(await page.evaluate('document.documentElement.scrollWidth'), 360)
  await logInAt(page, 'local', { ...ALICE, password: 'wrong' })
  t.is(await page.getByRole('alert').textContent(), 'Email or password is wrong.')
  t.is(await page.evaluate('document.activeElement.name'), 'email')
  await page.getByLabel('Email').fill(ALICE.email)
  await page.getByLabel('Password').fill(ALICE.password)
  await page.keyboard.press('Enter')
  await page.waitForURL('**/prompt/done')
  t.is(desk.logins.length, 1)
})

test("A6: an answer that the provider's page posts carries the cookie over the border of sites", async (t) => {
  const desk = testDesk()
  const ca = await throwawayCa()
  const site = await startHttps(await ca.issue('127.0.0.1'), (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end(answerForm)
  })
  t.teardown(site.close)
  const provider = postingProvider('poster', { url: site.url, account: ALICE })
  const rig = await startLoginRig(t, { prompts: desk, providers: [provider] })
  const answerForm = `<form method="post" action="${rig.url.origin}/posted/acs">
<input type="hidden" name="InResponseTo" value="r1"><button>Go on</button></form>`
  const alice = rig.store.users.upsert(identityOf(ALICE, 'poster'))
  desk.open.set(PROMPT.id, { ...PROMPT, userId: alice.id })
  const page = await open(t, { javaScript: false })
  await page.goto(`${rig.url.origin}/prompt/${PROMPT.id}`)
  await page.getByRole('link', { name: 'Log in with poster' }).click()
  await page.getByRole('button', { name: 'Go on' }).click()
  await assertReads(t, page, /your connection goes on/)
  t.is(desk.logins[0]?.userId, alice.id)
})

test('A5 D9: logged in once, the next prompt is one click; another account is asked for anew', async (t) => {
  const desk = testDesk()
  const branding = {
    title: 'Corp',
    logo: readLogo(
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"/>'),
    ) as Logo,
  }
  const rig = await startLoginRig(t, { prompts: desk, branding })
  const alice = rig.store.users.upsert(identityOf(ALICE, 'corp'))
  const page = await open(t)
  const complaints = complaintsOf(page)
  const ask = async (change: Partial<Prompt> = {}) => {
    desk.open.set(PROMPT.id, { ...PROMPT, userId: alice.id, ...change })
    await page.goto(`${rig.url.origin}/prompt/${PROMPT.id}`)
  }
  await ask()
  t.is(await page.evaluate('document.images[0].naturalWidth'), 40)
  await logInAt(page, 'corp', ALICE)
  await page.waitForURL('**/prompt/done')
  await ask({ remedy: 'justify' })
  await page.getByRole('button', { name: 'Continue as alice@example.com' }).click()
  await page.getByLabel('Purpose').fill('Ticket 7')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.waitForURL('**/prompt/done')
  t.deepEqual(desk.purposes, ['Ticket 7'])
  await ask()
  await logInAt(page, 'corp', BOB)
  await assertReads(t, page, /different_user/)
  // The provider knows Bob now: it must be made to ask again.
  await ask()
  await logInAt(page, 'corp', ALICE)
  await page.waitForURL('**/prompt/done')
  await page.goto(rig.url.href)
  await page.getByRole('link', { name: 'Log out' }).click()
  await page.getByRole('button', { name: 'Log out' }).click()
  await assertReads(t, page, /Logged out/)
  await ask()
  t.is(await page.getByRole('button').count(), 0)
  t.deepEqual(
    complaints.filter((one) => !one.includes('403')),
    [],
  )
})
