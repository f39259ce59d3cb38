import test from 'ava'
import { parsePolicy } from '../../../gateway/policy/parse.ts'

const refused: Record<string, unknown> = {
  'a public range': { v4: '8.8.0.0/16' },
  'a range of the other version': { v4: 'fd00::/64' },
  'a range that is too small': { v6: 'fd00::/127' },
  'an unknown key': { v5: '10.0.0.0/16' },
}
for (const [title, synthetic] of Object.entries(refused)) {
  test(`D3 T92: synthetic ranges of a policy: refuses ${title}`, (t) => {
    t.false(parsePolicy({ tunnel: { synthetic } }).ok)
  })
}

test('D13: the time of a captive portal is read, 0s is none, and more than 30m is refused', (t) => {
  for (const [text, ms] of [
    ['90s', 90_000],
    ['0s', 0],
  ] as const) {
    const parsed = parsePolicy({ tunnel: { captive_portal: text } })
    t.is(parsed.ok && parsed.value.tunnel.captivePortalMs, ms)
  }
  for (const text of ['31m', 'never', 90]) {
    t.false(parsePolicy({ tunnel: { captive_portal: text } }).ok, String(text))
  }
})

test('D3: synthetic ranges, lockdown and lock of a policy are read', (t) => {
  const tunnel = {
    synthetic: { v4: '10.99.0.0/16', v6: 'fd00:99::/64' },
    lockdown: true,
    lock: true,
  }
  const parsed = parsePolicy({ tunnel })
  if (!parsed.ok) return t.fail()
  t.true(parsed.value.tunnel.lockdown && parsed.value.tunnel.lock)
  t.is(parsed.value.tunnel.synthetic?.v4?.length, 16)
  t.is(parsed.value.tunnel.synthetic?.v6?.length, 64)
})
