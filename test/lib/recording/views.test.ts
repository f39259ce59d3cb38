import test from 'ava'
import { AsciicastView } from '#lib/recording/asciicast'
import type { Frame } from '#lib/recording/frame'
import { JsonLinesView } from '#lib/recording/json-lines'
import type { SessionEvent, StreamName } from '#lib/recording/session-event'
import { TextView } from '#lib/recording/text-view'
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
