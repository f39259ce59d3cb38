import { createHmac } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import type { LogFields } from '#lib/log'
import { startDelivery } from '../../../gateway/alert/delivery-job.ts'
import { openSinks } from '../../../gateway/alert/open-sinks-os.ts'
import { octetCounted, syslogMessage } from '../../../gateway/alert/syslog-message.ts'
import { webhookSignature } from '../../../gateway/alert/webhook.ts'
import {
  alertSinkFiles,
  alertSinkShape,
  type WebhookConfig,
} from '../../../gateway/config/alert-sinks.ts'
import { startSyslog, startWebhook } from '../../support/alert-receivers.ts'
import { SILENT } from '../../support/recording-store.ts'
import { sampleAlert } from '../../support/sample-alert.ts'
import { framesOf, parseSyslog } from '../../support/syslog-parser.ts'
import { throwawayCa } from '../../support/throwaway-ca.ts'

const RUNS = process.env['ZT_FULL'] ? 5000 : 200
const SECRET = 'a-secret-of-thirty-two-characters'

function folderOf(t: ExecutionContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'zt-sinks-'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  t.teardown(() => rmSync(folder, { recursive: true }))
  return folder
}

/** A webhook that answers these codes one after the other, the last for ever. */
async function startReceiver(t: ExecutionContext, codes: readonly number[]) {
  const { url, caPem, received, close } = await startWebhook({ codes })
  t.teardown(close)
  const folder = folderOf(t, { 'ca.pem': caPem, secret: `${SECRET}\n` })
  const sink: WebhookConfig = {
    ...{ kind: 'webhook', name: 'hook', url },
    secretFile: join(folder, 'secret'),
    caFile: join(folder, 'ca.pem'),
  }
  return { sink, received }
}

test('S12: a webhook gets the alert as JSON, with a signature that its receiver can verify', async (t) => {
  const { sink, received } = await startReceiver(t, [204])
  const sinks = openSinks([sink], { log: SILENT, now: () => 1_700_000_000_500 })
  t.teardown(() => sinks.stop())
  sinks.send(sampleAlert({ text: 'rm -rf "ü"' }))
  const [post] = await received(1)
  t.deepEqual(JSON.parse(post?.body ?? ''), sampleAlert({ text: 'rm -rf "ü"' }))
  t.is(post?.type, 'application/json')
  const hmac = createHmac('sha256', SECRET).update(`1700000000.${post?.body}`).digest('hex')
  t.is(post?.signature, `t=1700000000,v1=${hmac}`)
  t.not(webhookSignature('another', 1_700_000_000, post?.body ?? ''), post?.signature)
})

test('S12: an alert that did not arrive is sent again, before those that came later', async (t) => {
  const { sink, received } = await startReceiver(t, [500, 204])
  const sinks = openSinks([sink], { log: SILENT, now: Date.now })
  t.teardown(() => sinks.stop())
  sinks.send(sampleAlert({ id: 'first' }))
  sinks.send(sampleAlert({ id: 'second' }))
  const posts = await received(3)
  t.deepEqual(
    posts.map(({ body }) => JSON.parse(body).id),
    ['first', 'first', 'second'],
  )
})

test('S12: what waits is bounded, what is dropped is logged and counted, and nobody waits', async (t) => {
  const logged: LogFields[] = []
  const log = { ...SILENT, error: (fields: LogFields) => void logged.push(fields) }
  const sink = startDelivery({
    ...{ name: 'slow', log, deliver: () => new Promise<void>(() => undefined) },
    settings: { waiting: 3 },
  })
  for (const id of ['1', '2', '3', '4', '5']) sink.send(sampleAlert({ id }))
  t.like(logged, [
    { sink: 'slow', alert: '4', reason: 'too_many_waiting', dropped: 1 },
    { alert: '5', dropped: 2 },
  ])
  sink.stop()
  t.like(logged.at(-1), { alerts: 3 })
})

test('S12: an alert is given up after some attempts, and the next has its turn', async (t) => {
  const tried: string[] = []
  const dropped: LogFields[] = []
  const log = { ...SILENT, error: (fields: LogFields) => void dropped.push(fields) }
  await new Promise<void>((resolve) => {
    const sink = startDelivery({
      ...{ name: 'broken', log, settings: { attempts: 2, backOffMs: 1 } },
      async deliver({ id }) {
        tried.push(id)
        if (id === 'good') resolve()
        else throw new Error('refused')
      },
    })
    sink.send(sampleAlert({ id: 'bad' }))
    sink.send(sampleAlert({ id: 'good' }))
  })
  t.deepEqual(tried, ['bad', 'bad', 'good'])
  t.like(dropped, [{ alert: 'bad', reason: 'not_delivered', dropped: 1 }])
})

/** A receiver of syslog on a stream. */
async function startStream(t: ExecutionContext, server: Server) {
  const receiver = await startSyslog(server)
  t.teardown(receiver.close)
  return receiver
}

test('S12: syslog over TCP gets each alert in a frame of its own, and a new connection when the old one is gone', async (t) => {
  const { address, received, sockets } = await startStream(t, createServer())
  const config = { kind: 'syslog', name: 'logs', protocol: 'tcp', address } as const
  const sinks = openSinks([config], { log: SILENT, now: Date.now })
  t.teardown(() => sinks.stop())
  sinks.send(sampleAlert())
  sinks.send(sampleAlert({ id: 'a-2' }))
  const [first, second] = await received(2)
  t.is(sockets.length, 1)
  t.is(first?.priority, 84)
  t.deepEqual(first?.header[0], '2026-01-02T03:04:05.678Z')
  t.deepEqual(first?.header.slice(2), ['zt-gateway', '-', 'ssh_alert'])
  t.is(first?.id, 'zt@32473')
  const expected = Object.entries(sampleAlert()).map(([key, value]) => [key, String(value)])
  t.deepEqual([...(first?.fields ?? [])], expected)
  t.is(second?.fields.get('id'), 'a-2')
  const [socket] = sockets
  socket?.end()
  if (socket !== undefined) await once(socket, 'close')
  sinks.send(sampleAlert({ id: 'a-3' }))
  t.is((await received(3))[2]?.fields.get('id'), 'a-3')
  t.is(sockets.length, 2)
})

test('S12: syslog over TLS verifies the receiver by its CA', async (t) => {
  const ca = await throwawayCa()
  const { certPem: cert, keyPem: key } = await ca.issue('127.0.0.1')
  const { address, received } = await startStream(t, createTlsServer({ cert, key }))
  const other = await throwawayCa()
  const folder = folderOf(t, { 'ca.pem': ca.caPem, 'other.pem': other.caPem })
  const refused: LogFields[] = []
  const log = { ...SILENT, warn: (fields: LogFields) => void refused.push(fields) }
  const config = { kind: 'syslog', name: 'logs', protocol: 'tls', address } as const
  const wrong = openSinks([{ ...config, caFile: join(folder, 'other.pem') }], {
    log,
    now: Date.now,
  })
  const right = openSinks([{ ...config, caFile: join(folder, 'ca.pem') }], {
    log: SILENT,
    now: Date.now,
  })
  t.teardown(() => right.stop())
  await new Promise<void>((resolve) => {
    log.warn = (fields) => {
      refused.push(fields)
      resolve()
    }
    wrong.send(sampleAlert({ id: 'to the wrong one' }))
  })
  wrong.stop()
  t.regex(String(refused[0]?.['error']), /certificate/)
  right.send(sampleAlert())
  const all = await received(1)
  t.deepEqual(
    all.map(({ fields }) => fields.get('id')),
    ['a-1'],
  )
})

test('S12: syslog over UDP is one datagram for each alert', async (t) => {
  const receiver = createSocket('udp4')
  t.teardown(() => receiver.close())
  receiver.bind(0, '127.0.0.1')
  await once(receiver, 'listening')
  const address = { host: '127.0.0.1', port: receiver.address().port }
  const config = { kind: 'syslog', name: 'logs', protocol: 'udp', address } as const
  const sinks = openSinks([config], { log: SILENT, now: Date.now })
  const got = once(receiver, 'message')
  sinks.send(sampleAlert())
  const [message] = await got
  t.is(parseSyslog(String(message)).fields.get('rule'), 'markers')
  sinks.stop()
})

const hostile = [
  ['a quotation mark', 'x" evil="1'],
  ['a bracket', 'x"] <84>1 - - - - - - forged'],
  ['a backslash at the end', 'x\\'],
  ['a line feed', 'x\n<84>1 2026-01-01T00:00:00Z h a - - - forged'],
  ['control sequences', '\u001b[2J\u0000\u009b\u202e\u2028'],
  ['half a character', '\ud800'],
] as const
for (const [what, text] of hostile) {
  test(`S12 T68: ${what} in what a client sent stays in its field`, (t) => {
    const message = syslogMessage(sampleAlert({ text }), 'gw')
    const { fields, text: after } = parseSyslog(message)
    t.is(after, '')
    t.is(fields.size, Object.keys(sampleAlert({ text })).length)
    t.notRegex(message, /[\p{C}\u2028]/u)
    const plain = text.replace(/[\p{C}\u2028]/gu, '?')
    t.is(fields.get('text')?.replace(/\\u[0-9a-f]{4}/g, '?'), plain)
  })
}

test('S12 T68: whatever names and texts hold, a receiver reads them back, frame by frame', (t) => {
  const text = fc.string({ unit: 'binary' })
  fc.assert(
    fc.property(
      fc.array(fc.record({ text, user: text, host: text })),
      text,
      (changes, hostname) => {
        const messages = changes.map((change) => syslogMessage(sampleAlert(change), hostname))
        const frames = framesOf(Buffer.concat(messages.map(octetCounted)))
        t.is(frames.rest, 0)
        t.deepEqual(frames.messages, messages)
        for (const message of messages) t.is(parseSyslog(message).text, '')
      },
    ),
    { numRuns: RUNS },
  )
})

const hook = { name: 'hook', kind: 'webhook', url: 'https://hooks.example.com/x', secret_file: 's' }
const wrong: readonly (readonly [string, object, RegExp])[] = [
  ['a webhook without TLS', { ...hook, url: 'http://hooks.example.com' }, /not an https URL/],
  ['a webhook without a secret', { ...hook, secret_file: undefined }, /"secret_file" is missing/],
  ['a receiver without a port', { name: 'l', kind: 'syslog', address: 'logs' }, /not HOST:PORT/],
  ['an unknown kind', { name: 'l', kind: 'mail' }, /webhook, syslog/],
]
for (const [what, written, message] of wrong) {
  test(`S12 T92: ${what} is a mistake`, (t) => {
    const { mistakes } = alertSinkShape.decode(written, [])
    t.regex(mistakes.map((one) => one.message).join(), message)
  })
}

test('S12 T96: the secret of a webhook must be long, and no one else may read it', (t) => {
  const sink = { ...hook, kind: 'webhook', secretFile: '/etc/zt/hook' } as const
  const [file] = alertSinkFiles([sink])
  t.like(file, { file: '/etc/zt/hook', secret: true })
  const { check } = file !== undefined && 'check' in file ? file : { check: undefined }
  t.false(check?.isRight(Buffer.from('short\n')))
  t.true(check?.isRight(Buffer.from(SECRET)))
})
