import test from 'ava'
import { askedBy, judgeLogin } from '../../../gateway/prompt/asked.ts'
import { loginDenial } from '../../support/asked.ts'
import { sampleFacts } from '../../support/sample-facts.ts'

test('D9: a denial asks the user of the registration, in the name of the application', (t) => {
  const wish = { maxAgeSeconds: 60, acrValues: ['mfa'], protocol: 'ssh' } as const
  t.deepEqual(askedBy({ ...loginDenial, prompt: wish }, sampleFacts(), 'laptop'), {
    deviceId: 'device-1',
    deviceName: 'laptop',
    sourceAddress: '192.0.2.7',
    userId: 'user-1',
    userEmail: 'ann@example.com',
    application: 'wiki',
    policy: 'staff',
    host: 'wiki.corp.internal',
    port: 443,
    remedy: 'login',
    reason: 'session_expired',
    maxAgeSeconds: 60,
    acrValues: ['mfa'],
  })
  const { application: _, ...nameless } = loginDenial
  t.is(askedBy(nameless, sampleFacts(), '').application, 'wiki.corp.internal:443')
})

const logins: Record<string, readonly [Parameters<typeof judgeLogin>[0], object, string]> = {
  'nothing is asked': [{}, { atMs: 0 }, 'ok'],
  'new enough': [{ maxAgeSeconds: 10 }, { atMs: 1 }, 'ok'],
  'too old': [{ maxAgeSeconds: 10 }, { atMs: 0 }, 'login_too_old'],
  'of a class that is asked': [{ acrValues: ['a', 'b'] }, { atMs: 0, acr: 'b' }, 'ok'],
  'of another class': [{ acrValues: ['a'] }, { atMs: 0, acr: 'b' }, 'login_too_weak'],
  'of no class': [{ acrValues: ['a'] }, { atMs: 0 }, 'login_too_weak'],
}
for (const [title, [asked, login, wanted]] of Object.entries(logins)) {
  test(`D9: a login ${title}`, (t) => {
    const verdict = judgeLogin(asked, login as { atMs: number }, 10_000)
    t.is(verdict.ok ? 'ok' : verdict.error, wanted)
  })
}
