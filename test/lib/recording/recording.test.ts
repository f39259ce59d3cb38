import test from 'ava'
import fc from 'fast-check'
import type { Frame } from '#lib/recording/frame'
import { RecordingReader } from '#lib/recording/recording-reader'
import type { SessionEvent, StreamName } from '#lib/recording/session-event'
import {
  cut,
  makeRecipient,
  makeRecording,
  readAll,
  shortSession,
} from '../../support/recording-sample.ts'

const runs = process.env['ZT_FULL'] ? 500 : 50
const alice = await makeRecipient()
const bob = await makeRecipient('p256')

type Step =
  | { do: 'data'; channel: number; stream: StreamName; size: number; fill: number }
  | { do: 'event'; event: SessionEvent }
  | { do: 'flush' }

const channel = fc.integer({ min: 0, max: 3 })
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('data' as const),
    channel,
    stream: fc.constantFrom<StreamName>('input', 'output', 'stderr'),
    size: fc.oneof(fc.nat(300), fc.constantFrom(0, 65_519, 65_520, 65_521, 200_000)),
    fill: fc.nat(255),
  }),
  fc.record({
    do: fc.constant('event' as const),
    event: fc.oneof(
      fc.record({ type: fc.constant('exec' as const), channel, command: fc.string() }),
      fc.record({ type: fc.constant('channel_closed' as const), channel }),
      fc.record({
        type: fc.constant('sftp' as const),
        channel,
        operation: fc.constant('open'),
        path: fc.string({ maxLength: 70_000, size: 'max' }),
      }),
    ),
  }),
  fc.record({ do: fc.constant('flush' as const) }),
)

/** Octets of each channel and direction, and events in order, as text to compare. */
class Heard {
  readonly streams: Record<string, Buffer[]> = {}
  readonly events: Record<string, SessionEvent[]> = {}
  data(channel: number, stream: StreamName, bytes: Uint8Array): void {
    const of = `${channel} ${stream}`
    this.streams[of] = [...(this.streams[of] ?? []), Buffer.from(bytes)]
  }
  event(event: SessionEvent): void {
    this.events[event.channel] = [...(this.events[event.channel] ?? []), event]
  }
  frame(frame: Frame): void {
    if ('event' in frame) this.event(frame.event)
    else this.data(frame.channel, frame.stream, frame.bytes)
  }
  get value() {
    const whole = Object.entries(this.streams).map(([of, parts]) => [of, Buffer.concat(parts)])
    const heard = whole.filter(([, bytes]) => bytes?.length !== 0)
    return { streams: Object.fromEntries(heard), events: this.events }
  }
}

test('S8 T60: any bytes and events, with any flush, come back equal per channel and direction', async (t) => {
  const faithful = fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
    const said = new Heard()
    const { file } = await makeRecording({ output: [alice] }, (writer) => {
      for (const [index, one] of steps.entries()) {
        if (one.do === 'flush') writer.flush()
        else if (one.do === 'event') {
          writer.event(index * 7, one.event)
          said.event(one.event)
        } else {
          const bytes = Buffer.alloc(one.size, one.fill)
          bytes.subarray(0, 1).fill(index)
          writer.data(index * 7, one.channel, one.stream, bytes)
          said.data(one.channel, one.stream, bytes)
          bytes.fill(0) // the caller may reuse its buffer
        }
      }
    })
    const heard = new Heard()
    const read = await readAll(file, [alice])
    for (const frame of read.frames) heard.frame(frame)
    t.is(read.error, undefined)
    t.deepEqual(heard.value, said.value)
  })
  await t.notThrowsAsync(fc.assert(faithful, { numRuns: runs }))
})

test('S8 T60: what happened in order stays in order over all classes', async (t) => {
  const { file } = await makeRecording({ output: [alice] }, (writer) => {
    for (let turn = 0; turn < 500; turn++) {
      writer.data(turn, 0, turn % 2 ? 'input' : 'output', Buffer.alloc(997, turn))
      writer.event(turn, { type: 'signal', channel: 0, name: `${turn}` })
    }
  })
  const { frames } = await readAll(file, [alice])
  const seen = frames.flatMap((frame) => ('event' in frame ? [frame.event] : []))
  t.deepEqual(
    seen.map((event) => event.type === 'signal' && event.name),
    Array.from({ length: 500 }, (_, turn) => `${turn}`),
  )
  const times = frames.map((frame) => frame.timeUs)
  t.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  )
  const first = frames
    .filter((frame) => 'stream' in frame)
    .map((frame) => 'stream' in frame && frame.stream)
  t.deepEqual(first.slice(0, 4), ['output', 'input', 'output', 'input'])
})

test('S8: any split of the file gives the same frames', async (t) => {
  const { file } = await makeRecording({ output: [alice] }, shortSession)
  const whole = await readAll(file, [alice])
  const same = fc.asyncProperty(fc.array(fc.nat(file.length), { maxLength: 20 }), async (cuts) => {
    const places = [0, ...cuts.sort((a, b) => a - b), file.length]
    const reader = new RecordingReader([alice])
    const frames: Frame[] = []
    for (const [index, place] of places.slice(1).entries()) {
      frames.push(...(await reader.push(file.subarray(places[index], place))).frames)
    }
    t.deepEqual([...frames, ...reader.end().frames], whole.frames)
  })
  await t.notThrowsAsync(fc.assert(same, { numRuns: runs }))
})

test('S8: a reader never throws, for any input', async (t) => {
  const { file } = await makeRecording({ output: [alice] }, shortSession)
  const { head } = cut(file)
  const never = fc.asyncProperty(
    fc.boolean(),
    fc.uint8Array({ maxLength: 200 }),
    async (inside, junk) => {
      const read = await readAll(inside ? Buffer.concat([head, junk]) : junk, [alice])
      return read.frames.length === 0 && !read.tail.ended
    },
  )
  await t.notThrowsAsync(fc.assert(never, { numRuns: runs * 4 }))
})

test('S9 T63: a marker never stands in the sealed file', async (t) => {
  const { file } = await makeRecording({ output: [alice] }, shortSession)
  t.false(file.includes('marker'))
  const opened = JSON.stringify((await readAll(file, [alice])).frames)
  t.true(opened.includes('marker-in-command'))
})

test('S9 T63: another key says that it is not a recipient', async (t) => {
  const { file } = await makeRecording({ output: [alice] }, shortSession)
  t.is((await readAll(file, [bob])).error?.reason, 'not_a_recipient')
  t.is((await readAll(file, [])).error?.reason, 'not_a_recipient')
})

test('S9 T63: each of several recipients opens it, of either kind of key', async (t) => {
  const { file } = await makeRecording({ output: [alice, bob] }, shortSession)
  const [first, second] = [await readAll(file, [alice]), await readAll(file, [bob])]
  t.is(first.frames.length, 7)
  t.deepEqual(first.frames, second.frames)
})

test('S9: input and index under other keys stay closed to who reads the output', async (t) => {
  const carol = await makeRecipient()
  const { file } = await makeRecording(
    { output: [alice], input: [bob], index: [carol] },
    shortSession,
  )
  const screens = await readAll(file, [alice])
  t.deepEqual(screens.reader.classes, ['output'])
  t.is(screens.error, undefined)
  const shown = JSON.stringify(screens.frames)
  t.false(shown.includes('marker-in-command'))
  t.deepEqual(
    screens.frames.filter((frame) => 'stream' in frame && frame.stream === 'input'),
    [],
  )
  const typed = await readAll(file, [bob])
  t.deepEqual(
    typed.frames.map((frame) => 'bytes' in frame && Buffer.from(frame.bytes).toString()),
    ['marker-in-input\r'],
  )
  const commands = await readAll(file, [carol])
  t.deepEqual(
    commands.frames.map((frame) => 'event' in frame && frame.event.type),
    ['exec'],
  )
  t.is((await readAll(file, [alice, bob, carol])).frames.length, 7)
})

test('S11 T61: what a crash left opens up to the last whole chunk', async (t) => {
  const { file } = await makeRecording({ output: [alice] }, shortSession)
  const { head, chunks } = cut(file)
  const left = Buffer.concat([
    head,
    ...chunks.slice(0, 3),
    Buffer.from(chunks[3] ?? []).subarray(0, 20),
  ])
  const read = await readAll(left, [alice])
  t.is(read.error, undefined)
  t.false(read.tail.ended)
  t.is(read.tail.tornBytes, 20)
  t.is(read.frames.length, 5)
})

test('S8: a session of many megabytes needs no more memory than a chunk or two', async (t) => {
  let appended = 0
  let largest = 0
  const { file } = await makeRecording({ output: [alice] }, (writer) => {
    for (let turn = 0; turn < 64; turn++) {
      writer.data(turn, 0, 'output', Buffer.alloc(262_144, turn))
      largest = Math.max(largest, writer.unsealedBytes)
      appended += 262_144
    }
  })
  t.true(largest <= 65_536)
  t.true(file.length > appended && file.length < appended * 1.001)
})
