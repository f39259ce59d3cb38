import test from 'ava'
import fc from 'fast-check'
import { type Logo, readLogo } from '../../../gateway/login/logo.ts'
import { text } from '../../support/idp.ts'
import { startLoginRig } from '../../support/login-rig.ts'

const SVG = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')

test('A6: title, colour, message and logo stand on every page, under a policy that admits no more', async (t) => {
  const branding = {
    title: 'Corp <b>',
    colour: '#8a1c1c',
    message: 'Call "7000".',
    logo: readLogo(SVG) as Logo,
  }
  const rig = await startLoginRig(t, { branding })
  const browser = rig.browser()
  for (const path of ['/', '/device', '/nowhere']) {
    const page = await browser.open(new URL(path, rig.url).href)
    t.true(page.html.includes('Corp &lt;b&gt;</title>'), path)
    t.true(page.html.includes('background:#8a1c1c'))
    t.true(page.html.includes('<footer><p>Call &quot;7000&quot;.</p></footer>'))
    t.true(page.html.includes('<img src="/logo" alt="" height="40">'))
    t.regex(
      String(page.headers['content-security-policy']),
      /^default-src 'none'; img-src 'self'; style-src 'sha256-[\w+/=]+'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'$/,
    )
  }
})

test('A6 T93: a logo that holds a script cannot run it, however it is opened', async (t) => {
  const logo = readLogo(SVG) as Logo
  const rig = await startLoginRig(t, { branding: { title: 'Example', logo } })
  const picture = await rig.browser().open(new URL('/logo', rig.url).href)
  t.is(picture.headers['content-type'], 'image/svg+xml')
  t.is(picture.headers['x-content-type-options'], 'nosniff')
  t.is(
    picture.headers['content-security-policy'],
    "default-src 'none'; style-src 'unsafe-inline'; sandbox",
  )
  t.is(picture.html, SVG.toString())
})

test('A6: without a logo there is none', async (t) => {
  const rig = await startLoginRig(t)
  const page = await rig.browser().open(new URL('/logo', rig.url).href)
  t.is(page.status, 404)
  t.regex(text(page), /There is nothing here/)
  t.notRegex(page.html, /<img/)
})

test('A6: reading a logo never throws', (t) => {
  const holds = fc.property(fc.uint8Array(), (octets) => {
    const logo = readLogo(Buffer.from(octets))
    return logo === undefined || logo.content.length === octets.length
  })
  t.notThrows(() => fc.assert(holds))
})
