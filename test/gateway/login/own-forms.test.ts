/**
 * The providers of our own in a real browser, from the code to the device.
 */
import test from 'ava'
import type { Page } from 'playwright-core'
import { openMailer } from '../../../gateway/identity/pin/mail-client.ts'
import { openPinProvider } from '../../../gateway/identity/pin/pin-provider.ts'
import { openMemoryStore } from '../../../gateway/store/memory-store.ts'
import { chromiumFor, complaintsOf, typeCode } from '../../support/chromium.ts'
import { openDirectory, PASSWORD } from '../../support/local-directory.ts'
import {
  beginEnrolment,
  type LoginRig,
  pollEnrolment,
  startLoginRig,
} from '../../support/login-rig.ts'
import { MAIL_PASSWORD, MAIL_USER, startMailServer } from '../../support/mail-server.ts'

const open = chromiumFor(test)
const ANN = 'ann@example.com'

/** Confirms, and collects what the device gets. */
async function confirmed(rig: LoginRig, page: Page, deviceCode: string) {
  await page.getByRole('button', { name: 'Confirm' }).click()
  await page.getByText('Device connected').first().waitFor()
  return pollEnrolment(rig, deviceCode)
}

test('D7 A6 T96: a first login with a password that was handed out, in a browser', async (t) => {
  const directory = openDirectory()
  const { password } = await directory.add(ANN)
  const rig = await startLoginRig(t, { providers: [directory.provider] })
  const { userCode, deviceCode } = await beginEnrolment(rig)
  const page = await open(t, { javaScript: false })
  const complaints = complaintsOf(page)
  await typeCode(page, rig.verificationUrl, userCode)
  await page.getByRole('link', { name: 'Log in with local' }).click()
  await page.getByLabel('Email address').fill(ANN)
  await page.getByLabel('Password').fill(password)
  await page.keyboard.press('Enter')
  await page.getByLabel('New password').fill('short')
  await page.getByLabel('The same once more').fill('short')
  await page.keyboard.press('Enter')
  t.regex((await page.getByRole('alert').textContent()) ?? '', /at least 12/)
  await page.getByLabel('New password').fill(PASSWORD)
  await page.getByLabel('The same once more').fill(PASSWORD)
  await page.keyboard.press('Enter')
  const { status, body } = await confirmed(rig, page, deviceCode)
  t.deepEqual([status, body['user_email']], [200, ANN])
  const device = rig.store.devices.get(String(body['device_id']))
  t.deepEqual(device?.login.amr, ['pwd'])
  t.deepEqual(rig.store.users.get(device?.userId ?? '')?.groups, ['engineers'])
  // Nothing but the password that was too short.
  t.is(complaints.length, 1)
  t.regex(complaints[0] ?? '', /status of 400/)
})

test('D7 A6: a login with a PIN from a real mail, in a browser; the PIN is useless in another', async (t) => {
  const mail = await startMailServer(t)
  const log = { info() {}, warn() {}, error() {} }
  const post = openMailer(
    {
      host: '127.0.0.1',
      port: mail.port,
      tls: 'starttls',
      login: { user: MAIL_USER, password: MAIL_PASSWORD },
      caPem: mail.caPem,
      from: 'zt@example.com',
    },
    log,
  )
  const options = { name: 'mail', organisation: 'Example', allow: ['example.com'] }
  const deps = { store: openMemoryStore(), post, now: Date.now, log }
  const rig = await startLoginRig(t, { providers: [openPinProvider(options, deps)] })
  const ask = async (userCode: string, email: string) => {
    const page = await open(t, { javaScript: false })
    await typeCode(page, rig.verificationUrl, userCode)
    await page.getByRole('link', { name: 'Log in with mail' }).click()
    await page.getByLabel('Email address').fill(email)
    await page.keyboard.press('Enter')
    await page.getByLabel('PIN').waitFor()
    return page
  }
  const { userCode, deviceCode } = await beginEnrolment(rig)
  const page = await ask(userCode, ANN)
  const pin = /\b\d{6}\b/.exec((await mail.next()).text)?.[0] ?? ''
  const stranger = await ask((await beginEnrolment(rig)).userCode, 'eve@evil.test')
  t.is(
    (await stranger.locator('body').textContent())?.replace(/\s+/g, ' '),
    (await page.locator('body').textContent())?.replace(/\s+/g, ' '),
  )
  await stranger.getByLabel('PIN').fill(pin)
  await stranger.keyboard.press('Enter')
  t.is(await stranger.getByRole('alert').textContent(), 'This PIN is not right.')
  await page.getByLabel('PIN').fill(pin)
  await page.keyboard.press('Enter')
  const { status, body } = await confirmed(rig, page, deviceCode)
  t.deepEqual([status, body['user_email']], [200, ANN])
  t.deepEqual(rig.store.devices.get(String(body['device_id']))?.login.amr, ['otp'])
  t.is(mail.mails.length, 1)
})
