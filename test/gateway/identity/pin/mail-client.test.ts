import { createServer } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import type { LogFields } from '#lib/log'
import { type MailOptions, openMailer } from '../../../../gateway/identity/pin/mail-client.ts'
import { pinMail } from '../../../../gateway/identity/pin/pin-mail.ts'
import { MAIL_PASSWORD, MAIL_USER, startMailServer } from '../../../support/mail-server.ts'

const MAIL = {
  to: 'ann@example.com',
  pin: '012345',
  organisation: 'Beispiel "Größe" GmbH',
  source: '192.0.2.1',
  askedAtMs: Date.UTC(2026, 10, 21, 7, 5, 59),
}
const LOGIN = { user: MAIL_USER, password: MAIL_PASSWORD }

type Logged = { readonly fields: LogFields; readonly message: string }

/** Posts one mail, and waits for what the log says of it. */
function post(options: Omit<MailOptions, 'host' | 'from'>): Promise<Logged> {
  return new Promise((resolve) => {
    const keep = (fields: LogFields, message: string) => resolve({ fields, message })
    const log = { info: keep, warn: keep, error: keep }
    openMailer({ host: '127.0.0.1', from: 'zt@example.org', ...options }, log)(MAIL)
    // The delay before a mail does not keep a process alive.
    const alive = setInterval(() => undefined, 1000)
    setTimeout(() => clearInterval(alive), 15_000).unref()
  })
}

test('A6: a mail names organisation, address of the browser and time, and holds no link', (t) => {
  const { subject, text } = pinMail(MAIL)
  t.is(subject, 'Login at Beispiel "Größe" GmbH')
  for (const part of ['012345', '192.0.2.1', '2026-11-21 07:05 UTC', MAIL.organisation]) {
    t.true(text.includes(part), part)
  }
  t.notRegex(text, /https?:|www\./)
  t.false(subject.includes('012345'))
})

for (const tls of ['required', 'starttls'] as const) {
  test(`A6: a mail goes out with TLS ${tls} and a login`, async (t) => {
    const server = await startMailServer(t, { secure: tls === 'required' })
    const { message } = await post({ ...server, tls, login: LOGIN })
    t.is(message, 'mail sent')
    const mail = await server.next()
    t.like(mail, { to: 'ann@example.com', from: 'zt@example.org' })
    t.regex(mail.text, /^Auto-Submitted: auto-generated\r$/m)
    t.regex(mail.text, /^From: .*<zt@example\.org>\r$/m)
    t.regex(mail.text, /012345/)
  })
}

test('A6: a mail goes out in plain on loopback', async (t) => {
  const server = await startMailServer(t, {
    disabledCommands: ['STARTTLS', 'AUTH'],
    authOptional: true,
  })
  t.is((await post({ port: server.port, tls: 'none' })).message, 'mail sent')
  t.is(server.mails.length, 1)
})

type Hostile = (t: ExecutionContext) => Promise<Omit<MailOptions, 'host' | 'from'>>
const hostile: Readonly<Record<string, Hostile>> = {
  'a server without STARTTLS': async (t) => {
    const server = await startMailServer(t, { disabledCommands: ['STARTTLS'], authOptional: true })
    return { ...server, tls: 'starttls' }
  },
  'a certificate of a stranger': async (t) => {
    const { port } = await startMailServer(t)
    return { port, tls: 'starttls', login: LOGIN }
  },
  'a wrong password': async (t) => {
    const server = await startMailServer(t)
    return { ...server, tls: 'starttls', login: { user: MAIL_USER, password: 'wrong' } }
  },
  'a server that refuses the recipient': async (t) => {
    const server = await startMailServer(t, {
      onRcptTo: (_address, _session, done) => done(new Error('no such user')),
    })
    return { ...server, tls: 'starttls', login: LOGIN }
  },
  'nobody listening': async () => ({ port: 1, tls: 'starttls' }),
  'a server that says nothing': async (t) => ({
    port: await startPlain(t, ''),
    tls: 'starttls',
    timeoutMs: 200,
  }),
  'a server that never stops talking': async (t) => ({
    port: await startPlain(t, '220-x\r\n'.repeat(100_000)),
    tls: 'starttls',
    timeoutMs: 500,
  }),
  'a server that speaks something else': async (t) => ({
    port: await startPlain(t, 'SSH-2.0-x\r\n'),
    tls: 'starttls',
    timeoutMs: 500,
  }),
}
for (const [what, options] of Object.entries(hostile)) {
  test(`A6: ${what}: no mail, a line in the log without secrets, and nothing else`, async (t) => {
    const { message, fields } = await post(await options(t))
    t.is(message, 'mail not sent')
    t.is(fields['to'], 'ann@example.com')
    const line = JSON.stringify(fields)
    for (const secret of ['012345', MAIL_PASSWORD, 'wrong"']) t.false(line.includes(secret), line)
  })
}

test('A6: more mails at once than a server could take are dropped, and the log says so', (t) => {
  const logged: Logged[] = []
  const keep = (fields: LogFields, message: string) => void logged.push({ fields, message })
  const log = { info: keep, warn: keep, error: keep }
  const postMail = openMailer({ host: '127.0.0.1', port: 1, tls: 'none', from: 'zt@a.org' }, log)
  for (let n = 0; n < 50; n += 1) postMail(MAIL)
  t.deepEqual(logged, [])
  postMail(MAIL)
  const fields = { to: MAIL.to, reason: 'too_many_mails' }
  t.deepEqual(logged, [{ fields, message: 'mail not sent' }])
})

async function startPlain(t: ExecutionContext, greeting: string): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.write(greeting)
    t.teardown(() => void socket.destroy())
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => void server.close())
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
