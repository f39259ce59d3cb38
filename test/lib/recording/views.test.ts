import test from 'ava'
import fc from 'fast-check'
import { AsciicastView } from '#lib/recording/asciicast'
import type { Frame } from '#lib/recording/frame'
import { JsonLinesView } from '#lib/recording/json-lines'
import type { SessionEvent, StreamName } from '#lib/recording/session-event'
import { TextView } from '#lib/recording/text-view'
import { TypescriptTimingView, TypescriptView } from '#lib/recording/typescript'
import type { View } from '#lib/recording/view'

const options = { startedAtMs: 1_700_000_000_123 }
const data = (
  timeUs: number,
  stream: StreamName,
  content: string | Uint8Array,
  channel = 0,
): Frame => ({
  timeUs,
  channel,
  stream,
  bytes: Buffer.from(content),
})
const event = (timeUs: number, one: SessionEvent): Frame => ({ timeUs, event: one })
const show = (view: View, frames: Frame[]) =>
  frames.map((frame) => view.push(frame)).join('') + view.end()
const lines = (text: string): unknown[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
const pty = event(1, { type: 'pty', channel: 0, term: 'xterm', columns: 100, rows: 30 })

test('S8: asciicast v2 has the size, the output and the resizes of a terminal', (t) => {
  const cast = show(new AsciicastView(options), [
    pty,
    event(2, { type: 'shell', channel: 0 }),
    data(1_000_007, 'output', '$ '),
    data(1_500_000, 'input', 'secret'),
    event(2_000_000, { type: 'resize', channel: 0, columns: 120, rows: 40 }),
    data(2_500_000, 'stderr', 'oops\n'),
  ])
  t.deepEqual(lines(cast), [
    { version: 2, width: 100, height: 30, timestamp: 1_700_000_000, env: { TERM: 'xterm' } },
    [1.000007, 'o', '$ '],
    [2, 'r', '120x40'],
    [2.5, 'o', 'oops\n'],
  ])
})

test('S8: asciicast shows input only when asked', (t) => {
  const frames = [pty, data(5, 'input', 'ls\r'), data(9, 'output', 'ls\r\n')]
  t.false(show(new AsciicastView(options), frames).includes('"i"'))
  t.deepEqual(lines(show(new AsciicastView({ ...options, input: true }), frames))[1], [
    0.000005,
    'i',
    'ls\r',
  ])
})

test('S8: asciicast takes the size from the first window change when the terminal said 0×0', (t) => {
  const cast = show(new AsciicastView(options), [
    event(1, { type: 'pty', channel: 0, term: 'vt100', columns: 0, rows: 0 }),
    event(2, { type: 'resize', channel: 0, columns: 132, rows: 43 }),
    data(3, 'output', 'x'),
  ])
  t.like(lines(cast)[0], { width: 132, height: 43 })
  const never = show(new AsciicastView(options), [data(3, 'output', 'x')])
  t.like(lines(never)[0], { width: 80, height: 24 })
})

test('S8: asciicast joins characters that packets split, per direction', (t) => {
  const [lead, ...rest] = Buffer.from('🙂')
  const cast = show(new AsciicastView({ ...options, input: true }), [
    pty,
    data(1, 'output', Uint8Array.of(lead ?? 0)),
    data(2, 'input', 'x'),
    data(3, 'output', Uint8Array.from(rest)),
    data(4, 'output', Uint8Array.of(0xe2, 0x82)),
  ])
  t.deepEqual(lines(cast).slice(1), [
    [0.000002, 'i', 'x'],
    [0.000003, 'o', '🙂'],
    [0.000004, 'o', '\ufffd'],
  ])
})

test('S8: asciicast of a command without a terminal breaks its lines', (t) => {
  const cast = show(new AsciicastView(options), [
    event(1, { type: 'exec', channel: 0, command: 'ls' }),
    data(2, 'output', 'a\nb\r\n'),
  ])
  t.deepEqual(lines(cast)[1], [0.000002, 'o', 'a\r\nb\r\n'])
})

test('S8: asciicast shows one channel: the first that starts something, or the one asked for', (t) => {
  const frames = [
    event(1, { type: 'exec', channel: 2, command: 'a' }),
    data(2, 'output', 'first', 2),
    data(3, 'output', 'second', 5),
  ]
  t.deepEqual(lines(show(new AsciicastView(options), frames)).slice(1), [[0.000002, 'o', 'first']])
  const other = show(new AsciicastView({ ...options, channel: 5 }), frames)
  t.deepEqual(lines(other).slice(1), [[0.000003, 'o', 'second']])
})

test('S8: an empty recording is still a cast', (t) => {
  t.deepEqual(lines(show(new AsciicastView(options), [])), [
    { version: 2, width: 80, height: 24, timestamp: 1_700_000_000 },
  ])
})

test('S8: JSON lines have every frame, and bytes that are no text unharmed', (t) => {
  const frames = [
    pty,
    data(7, 'output', 'hé'),
    data(8, 'stderr', Uint8Array.of(0xff, 0x00)),
    data(9, 'input', 'pw'),
  ]
  t.deepEqual(lines(show(new JsonLinesView(options), frames)), [
    { time: 0.000001, type: 'pty', channel: 0, term: 'xterm', columns: 100, rows: 30 },
    { time: 0.000007, type: 'data', channel: 0, stream: 'output', text: 'hé' },
    { time: 0.000008, type: 'data', channel: 0, stream: 'stderr', base64url: '_wA' },
  ])
  t.true(show(new JsonLinesView({ ...options, input: true }), frames).includes('"pw"'))
})

test('S8 T65: text has what was printed, and events that cannot break out of their line', (t) => {
  const text = show(new TextView(options), [
    event(1, {
      type: 'exec',
      channel: 0,
      command: 'echo "x"\n[0.000000 channel 0] forged\u001b]0;t\u0007\u009b6n',
    }),
    data(2, 'output', 'half '),
    data(3, 'output', '\u001b[31mline\u001b[0m'),
    data(4, 'input', 'pw'),
    event(1_000_005, { type: 'exit_status', channel: 0, code: 0 }),
  ])
  t.is(text.split('\n').length, 4)
  t.deepEqual(text.split('\n').slice(1), [
    'half line',
    '[1.000005 channel 0] exit_status {"code":0}',
    '',
  ])
  const octets = [...text.replaceAll('\n', '')].map((char) => char.codePointAt(0) ?? 0)
  t.true(octets.every((octet) => octet >= 0x20 && (octet < 0x7f || octet > 0x9f)))
  t.true(show(new TextView({ ...options, input: true }), [data(4, 'input', 'pw')]).includes('"pw"'))
})

/** Reads asciicast 3 as its specification says: comments, intervals, codes; refuses what it does not know. */
function playAsciicast3(cast: string) {
  const [head, ...events] = cast
    .trimEnd()
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .map((line) => JSON.parse(line))
  if (head.version !== 3 || !(head.term.cols > 0 && head.term.rows > 0)) throw new Error('head')
  let timeUs = 0
  return events.map(([interval, code, text]) => {
    if (!(interval >= 0) || !'oimrx'.includes(code)) throw new Error(`event ${code}`)
    if (code === 'r' && !/^[1-9]\d*x[1-9]\d*$/.test(text)) throw new Error(`size ${text}`)
    if (code === 'x' && !/^\d+$/.test(text)) throw new Error(`exit ${text}`)
    timeUs += Math.round(interval * 1_000_000)
    return [timeUs, code, text]
  })
}

const wholeSession: Frame[] = [
  pty,
  event(2, { type: 'shell', channel: 0 }),
  data(1_000_007, 'output', '$ '),
  data(1_500_000, 'input', 'ls\r'),
  event(2_000_000, { type: 'resize', channel: 0, columns: 120, rows: 40 }),
  data(2_500_000, 'output', 'é🙂\r\n'),
  event(3_000_000, { type: 'exit_status', channel: 0, code: 7 }),
]

test('S8: asciicast v3 counts from line to line, and says how the program ended', (t) => {
  const cast = show(new AsciicastView({ ...options, input: true }, 3), wholeSession)
  t.deepEqual(lines(cast)[0], {
    version: 3,
    term: { cols: 100, rows: 30, type: 'xterm' },
    timestamp: 1_700_000_000,
  })
  t.deepEqual(playAsciicast3(cast), [
    [1_000_007, 'o', '$ '],
    [1_500_000, 'i', 'ls\r'],
    [2_000_000, 'r', '120x40'],
    [2_500_000, 'o', 'é🙂\r\n'],
    [3_000_000, 'x', '7'],
  ])
})

test('S8: asciicast v3 of a program that printed nothing still says how it ended', (t) => {
  const cast = show(new AsciicastView(options, 3), [
    event(1, { type: 'exec', channel: 0, command: 'false' }),
    event(2_000_000, { type: 'exit_status', channel: 0, code: 1 }),
  ])
  t.deepEqual(playAsciicast3(cast), [[2_000_000, 'x', '1']])
})

test('S8 T65: casts and JSON lines bring no control character to a terminal that shows the file', (t) => {
  const hostile = data(3, 'output', 'a\u001b]52;c;AAAA\u0007\u009d0;t\u009c\u007f')
  for (const view of [
    new AsciicastView(options),
    new AsciicastView(options, 3),
    new JsonLinesView(options),
  ]) {
    const text = show(view, [pty, hostile])
    t.notRegex(text, /[^\n -~]/)
    t.true(text.includes('\\u001b]52;c;AAAA\\u0007\\u009d0;t\\u009c\\u007f'), text)
  }
})

test('S8: a typescript is the octets of one channel, and a line of time for each step', (t) => {
  const frames = [...wholeSession, data(4_000_000, 'output', 'other', 5)]
  const script = new TypescriptView({ ...options, input: true })
  const octets = Buffer.concat([...frames.map((frame) => script.push(frame)), script.end()])
  t.is(octets.toString(), 'Script started on 2023-11-14T22:13:20.123Z\n$ ls\ré🙂\r\n')
  t.is(
    show(new TypescriptTimingView({ ...options, input: true }), frames),
    [
      'H 0.000000 START_TIME 2023-11-14T22:13:20.123Z',
      'H 0.000001 TERM xterm',
      'H 0.000000 COLUMNS 100',
      'H 0.000000 LINES 30',
      'O 1.000006 2',
      'I 0.499993 3',
      'S 0.500000 SIGWINCH ROWS=40 COLS=120',
      'O 0.500000 8',
      'H 0.500000 EXIT_CODE 7',
      '',
    ].join('\n'),
  )
})

/** Frames with data cut into pieces at `cuts`; time does not move between the pieces. */
function split(frames: readonly Frame[], cuts: readonly number[]): Frame[] {
  let next = 0
  return frames.flatMap((frame) => {
    if ('event' in frame) return [frame]
    const pieces: Frame[] = []
    for (let rest = frame.bytes; rest.length > 0; ) {
      const size = cuts.length === 0 ? rest.length : 1 + ((cuts[next++ % cuts.length] ?? 0) % 5)
      pieces.push({ ...frame, bytes: rest.subarray(0, size) })
      rest = rest.subarray(size)
    }
    return pieces
  })
}

/** What a player draws, whatever lines it comes in. */
function drawn(cast: string): string {
  return lines(cast)
    .slice(1)
    .map((line) => (line as [number, string, string])[2])
    .join('')
}

test('S8: any split of the octets gives the same view', (t) => {
  const words = fc.constantFrom(
    '$ ls\r\n',
    'é',
    '🙂',
    '\u001b[31m',
    '\u001b]0;t\u0007',
    'x',
    '\r',
    '\n',
  )
  const stream = fc.constantFrom<StreamName>('output', 'stderr', 'input')
  const steps = fc.array(fc.tuple(stream, words), { maxLength: 12 })
  const same = fc.property(steps, fc.array(fc.nat(9), { maxLength: 6 }), (said, cuts) => {
    const frames = [pty, ...said.map(([name, text], at) => data(10 + at, name, text))]
    const all = { ...options, input: true }
    const bySplit = (see: (frames: Frame[]) => unknown) =>
      t.deepEqual(see(split(frames, cuts)), see(frames))
    // Input and output are joined as they came: their halves may interleave, so each is looked at alone.
    const only = (name: StreamName) => (list: Frame[]) =>
      list.filter((frame) => 'event' in frame || frame.stream === name)
    for (const name of ['output', 'stderr', 'input'] as const) {
      const one = only(name)
      bySplit((list) => drawn(show(new AsciicastView(all), one(list))))
      bySplit((list) => drawn(show(new AsciicastView(all, 3), one(list))))
    }
    bySplit((list) => show(new TextView(options), only('output')(list)))
    bySplit((list) => {
      const view = new TypescriptView(all)
      return Buffer.concat([...list.map((frame) => view.push(frame)), view.end()])
    })
  })
  t.notThrows(() => fc.assert(same))
})
