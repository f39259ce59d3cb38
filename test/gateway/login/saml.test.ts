/**
 * A SAML login through the login origin, in a real browser, at an independent provider on another site.
 */
import test from 'ava'
import { chromiumFor, typeCode } from '../../support/chromium.ts'
import { beginEnrolment, pollEnrolment, startLoginRig } from '../../support/login-rig.ts'
import { startSamlSite } from '../../support/saml-site.ts'

const open = chromiumFor(test)

test('A6: a SAML login in a browser ends in a device, and its answer is nothing to another browser', async (t) => {
  const site = await startSamlSite(t, 'alice@example.com')
  const rig = await startLoginRig(t, { providers: (deps) => [site.provider(deps)] })
  const { userCode, deviceCode } = await beginEnrolment(rig)
  const page = await open(t)
  await typeCode(page, rig.verificationUrl, userCode)
  await page.getByRole('link', { name: 'Log in with corp-saml' }).click()
  await page.getByRole('button', { name: 'Go on' }).click()
  await page.getByRole('button', { name: 'Confirm' }).click()
  t.regex((await page.locator('body').textContent()) ?? '', /Device connected/)
  t.is((await pollEnrolment(rig, deviceCode)).status, 200)
  const [device] = rig.store.devices.list()
  const user = rig.store.users.get(device?.userId ?? '')
  t.like(user, { provider: 'corp-saml', email: 'alice@example.com', groups: ['engineers'] })
  t.regex(device?.login.acr ?? '', /PasswordProtectedTransport$/)

  const form = String(site.posted[0])
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const other = await rig.post('/saml/acs', form, { headers })
  t.is(other.status, 400)
  t.regex(String(other.body['text']), /Please start again/)
  t.true(rig.logged.every((line) => !line.includes('saml:') && !line.includes('SAMLResponse')))
})

test('A6: the metadata of a SAML provider is public; no other provider has any', async (t) => {
  const site = await startSamlSite(t, 'alice@example.com')
  const rig = await startLoginRig(t, { providers: (deps) => [site.provider(deps)] })
  const browser = rig.browser()
  const metadata = await browser.open(`${rig.url.origin}/saml/metadata?provider=corp-saml`)
  t.is(metadata.status, 200)
  t.true(metadata.html.includes(`Location="${rig.url.origin}/saml/acs"`))
  t.true(metadata.html.includes('WantAssertionsSigned="true"'))
  for (const query of ['', '?provider=corp', '?provider=x']) {
    t.is((await browser.open(`${rig.url.origin}/saml/metadata${query}`)).status, 404)
  }
})

test('A6: an answer too large to be one is refused before it is read', async (t) => {
  const site = await startSamlSite(t, 'alice@example.com')
  const rig = await startLoginRig(t, { providers: (deps) => [site.provider(deps)] })
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const form = `SAMLResponse=${'A'.repeat(300_000)}`
  t.is((await rig.post('/saml/acs', form, { headers })).status, 413)
})
