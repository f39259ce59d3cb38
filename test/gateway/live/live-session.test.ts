import { Readable } from 'node:stream'
import test from 'ava'
import type { Frame } from '#lib/recording/frame'
import { RecordingReader } from '#lib/recording/recording-reader'
import type { RecipientKey } from '#lib/seal/recipient-key'
import { classesFor, openViewer } from '../../../gateway/live/viewer-job.ts'
import { startLiveSsh } from '../../support/live-ssh.ts'
import { makeRecipient } from '../../support/recording-sample.ts'

/** Reads a view to its end. */
async function framesOf(stream: Readable, key: RecipientKey): Promise<readonly Frame[]> {
  const reader = new RecordingReader([key])
  const frames: Frame[] = []
  for await (const bytes of stream) {
    const step = await reader.push(bytes as Buffer)
    if (step.error !== undefined) throw new Error(step.error.reason)
    frames.push(...step.frames)
  }
  return [...frames, ...reader.end().frames]
}

const textOf = (frames: readonly Frame[], stream: 'input' | 'output') =>
  frames
    .flatMap((frame) => ('stream' in frame && frame.stream === stream ? [frame.bytes] : []))
    .map((bytes) => Buffer.from(bytes).toString())
    .join('')

test('S12: a session that goes on is in the table, with who and where, until it ends', async (t) => {
  const { pair, session, client, closed } = await startLiveSsh(t)
  t.like(session.about, {
    user: 'ann@example.com',
    host: 'db1.corp.internal',
    unixUser: 'root',
    application: 'db',
  })
  t.true(session.recorded)
  t.true(session.passedOctets > 0)
  client.stdin?.end()
  t.is(await closed, 0)
  await pair.gateway.lastEnd()
  const told: string[] = []
  const late = { data: () => t.fail(), event: () => t.fail(), end: () => void told.push('end') }
  session.follow(late)
  session.note({ type: 'alert', channel: -1, rule: 'r', action: 'report' })
  t.deepEqual(told, ['end'], 'who comes too late is told so, and nothing else')
})

test('S12: ending a session lets no further byte pass, and its user reads why', async (t) => {
  const { pair, session, type, printed, complained, closed } = await startLiveSsh(t)
  session.end('ended_by_administrator')
  type('too late\n')
  t.is(await closed, 255)
  t.is(printed(), 'up\n')
  t.regex(complained(), /zt: an administrator ended this session/)
  t.is((await pair.gateway.lastEnd()).closeReason, 'ended_by_administrator')
})

test('S12: who watches sees all that passes from then on, sealed to the own key', async (t) => {
  const viewer = await makeRecipient()
  const { session, type, prints, client } = await startLiveSsh(t)
  const stream = await openViewer(session, viewer, ['output', 'input', 'index'])
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  const ended = new Promise((resolve) => stream.once('end', resolve))
  type('marker-typed\n')
  await prints('marker-typed')
  client.stdin?.end()
  await ended
  t.false(Buffer.concat(chunks).includes('marker-typed'), 'never in clear')
  const frames = await framesOf(Readable.from(chunks), viewer)
  t.is(textOf(frames, 'output'), 'marker-typed\n')
  t.is(textOf(frames, 'input'), 'marker-typed\n')
  const events = frames.flatMap((frame) => ('event' in frame ? [frame.event.type] : []))
  t.deepEqual(events.slice(0, 2), ['channel_opened', 'exec'], 'what is open is told first')
  t.true(events.includes('exit_status'))
})

test('S12 S9: who may not open input or commands does not get them sealed either', async (t) => {
  const viewer = await makeRecipient()
  const { session, type, prints, client } = await startLiveSsh(t)
  const stream = await openViewer(session, viewer, ['output'])
  const frames = framesOf(stream, viewer)
  type('secret\n')
  await prints('secret')
  client.stdin?.end()
  const seen = await frames
  t.is(textOf(seen, 'output'), 'secret\n')
  t.is(textOf(seen, 'input'), '')
  t.false(seen.some((frame) => 'event' in frame && frame.event.type === 'exec'))
})

test('S12: a viewer that leaves, or reads nothing, never holds the session up', async (t) => {
  const viewer = await makeRecipient()
  const flood = 'echo up; read go; head -c 8388608 /dev/zero; echo all'
  const { session, type, prints, closed } = await startLiveSsh(t, {}, flood)
  const left = await openViewer(session, viewer, ['output'])
  left.destroy()
  const slow = await openViewer(session, viewer, ['output'])
  const lost = new Promise<Error>((resolve) => slow.once('error', resolve))
  type('go\n')
  await prints('all')
  t.is(await closed, 0)
  t.is((await lost).message, 'viewer_too_slow')
})

test('S12: a view of a session in which nothing happens says that it goes on', async (t) => {
  const viewer = await makeRecipient()
  const { session, client } = await startLiveSsh(t)
  const stream = await openViewer(session, viewer, ['output'], 20)
  const chunks: Buffer[] = []
  await new Promise<void>((resolve) => {
    stream.on('data', (chunk: Buffer) => {
      if (chunks.push(chunk) === 20) resolve()
    })
  })
  client.stdin?.end()
  await new Promise((resolve) => stream.once('end', resolve))
  const frames = await framesOf(Readable.from(chunks), viewer)
  t.is(textOf(frames, 'output'), '')
})

test('S9: a list of recipients says which classes a key may see', async (t) => {
  const [ann, bob, eve] = await Promise.all([makeRecipient(), makeRecipient(), makeRecipient()])
  const list = { output: [ann, bob], input: [bob] }
  t.deepEqual(classesFor(ann, list), ['output', 'index'])
  t.deepEqual(classesFor(bob, list), ['output', 'input', 'index'])
  t.deepEqual(classesFor(eve, list), [])
  t.deepEqual(classesFor(ann, undefined), [])
})
