import test from 'ava'
import fc from 'fast-check'
import { bundleMembers } from '../../../daemon/doctor/bundle.ts'
import { redactLine, redactText } from '../../../daemon/doctor/redact.ts'
import { RecentLines } from '../../../daemon/recent-lines.ts'

const PEM = `-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49\nAwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----`
const JWT = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.MEUCIQDx9TkQ1f-0aB'
/** What must not be in a bundle, in the forms in which it could come in. */
const PLANTED: Readonly<Record<string, readonly [text: string, secret: string]>> = {
  'a private key': [`could not load ${PEM} here`, 'CqGSM49'],
  'a private key that is cut off': [PEM.slice(0, 70), 'MIGHAgEA'],
  'a private key, escaped by JSON': [JSON.stringify({ error: PEM }), 'CqGSM49'],
  'a token in a header': [`authorization: Bearer ${JWT}`, 'eyJ'],
  'a short token in a header': ['Proxy-Authorization: Basic YTpi', 'YTpi'],
  'a cookie': ['Set-Cookie: zt_session=s3cr3t; Path=/', 's3cr3t'],
  'a cookie, asked with': ['cookie: a=1; b=hunter2', 'hunter2'],
  'a JWT by itself': [`got ${JWT} back`, 'eyJhbGci'],
  'a password in a URL': ['via http://me:hunter2@proxy.example:3128', 'hunter2'],
  'a user that is a token': ['via socks5://ghp_abc@proxy.example', 'ghp_abc'],
  'a password by its name': ['password=hunter2', 'hunter2'],
  'a password by a longer name': ['db_password: hunter2', 'hunter2'],
  'a device code': ['device_code=abc123&x=1', 'abc123'],
  'a token in a query': ['GET https://login.example/cb?code=abc123', 'abc123'],
  'the address of a prompt': ['see https://login.example/prompt/ppppaaaa', 'ppppaaaa'],
  'a key in hexadecimal': ['3f5a9b0c3f5a9b0c3f5a9b0c3f5a9b0c', '3f5a9b0c'],
  'a mail address': ['user alice.smith@example.com', 'alice.smith'],
}

for (const [title, [text, secret]] of Object.entries(PLANTED)) {
  test(`T101: ${title} is taken out of a text`, (t) => {
    t.true(text.includes(secret))
    t.false(redactText(text).includes(secret), redactText(text))
    t.false(redactLine(JSON.stringify({ message: text })).includes(secret))
  })
}

test('T101: fields are taken out by their names, at any depth', (t) => {
  const line = {
    key: 'k1',
    a: [{ token: 'k2', Cookie: { x: 'k3' } }],
    private_key: 'k4',
    apiKey: 'k5',
  }
  t.notRegex(redactLine(JSON.stringify(line)), /k[1-5]/)
})

test('T101: what is needed to help stays', (t) => {
  const texts = [
    'connection_refused',
    'wiki.corp.internal:443 10.0.0.0/8 fd7a:74a9:c21e::/64',
    '2026-11-21T12:00:00.000Z',
    '/var/lib/zt/registration.json is open to others',
    '9d6f0c0e-2f4e-4a57-9c1e-6a3d2c1b0a99',
    'systemd-resolved-is-not-running-here',
  ]
  for (const text of texts) t.is(redactText(text), text)
})

test('T101: secrets planted in every input of a bundle are in no member of it', (t) => {
  const texts = Object.values(PLANTED)
  const all = texts.map(([text]) => text)
  const members = bundleMembers({
    findings: [{ check: 'x', verdict: 'ok', code: 'x_y', cause: 'c', detail: all.join('\n') }],
    status: {
      version: '1',
      state: 'connected',
      reason: all.join('\n'),
      userEmail: 'alice.smith@example.com',
      connections: 0,
      openFlows: 0,
      proxy: { host: '127.0.0.1', port: 1, pacUrl: all.join(' ') },
      refusedOtherUsers: 0,
      domains: all,
      prefixes: [],
      sshHostAuthorities: all,
      posture: [],
      prompts: [],
    },
    settings: [{ name: 'upstream_proxy', value: all, source: 'file' }],
    changes: [
      { at: 'now', part: 'names', done: all, failed: [{ line: '', complaint: all.join() }] },
    ],
    applied: all,
    logLines: all.flatMap((text) => [text, JSON.stringify({ msg: text })]),
    versions: { zt: all.join('\n') },
  })
  t.true(Object.keys(members).length >= 7)
  for (const [name, text] of Object.entries(members)) {
    for (const [, secret] of texts) t.false(text.includes(secret), `${secret} in ${name}`)
  }
})

test('T101: redaction never throws, and finds a secret whatever stands around it', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (before, after) => {
      redactLine(before)
      t.false(redactText(`${before}\n${PEM}\n${after}`).includes('CqGSM49'))
      t.false(redactText(`${before}\nauthorization: Bearer ${JWT}\n${after}`).includes('eyJ'))
    }),
    { numRuns: 200 },
  )
})

test('recent lines are bounded by number and octets, and the newest stay', (t) => {
  const recent = new RecentLines()
  for (let at = 0; at < 600; at++) recent.write(`line ${at}\n`)
  t.is(recent.lines.length, 500)
  t.is(recent.lines.at(-1), 'line 599\n')
  recent.write('x'.repeat(300 * 1024))
  t.is(recent.lines.at(-1), 'line 599\n')
  for (let at = 0; at < 3; at++) recent.write('y'.repeat(100 * 1024))
  t.is(recent.lines.length, 2)
})
