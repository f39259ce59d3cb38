/**
 * The corpus is real: test/support/record_shell.py typed it into bash. What the index says of it stands in
 * test/golden/commands.txt; `UPDATE=1` writes that anew, and the difference is to be reviewed.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import test from 'ava'
import fc from 'fast-check'
import { CommandIndex } from '#lib/recording/command-index'
import type { CommandEvent } from '#lib/recording/command-line'
import type { Frame } from '#lib/recording/frame'
import type { SessionEvent, StreamName } from '#lib/recording/session-event'
import { markedShell } from '../../../gateway/ssh/relay/command-marks.ts'

type Case = {
  readonly name: string
  readonly shell: 'plain' | 'marked'
  readonly frames: readonly (readonly [number, StreamName, string | { readonly base64: string }])[]
}
type Corpus = {
  readonly columns: number
  readonly rows: number
  readonly nonce: string
  readonly cases: readonly Case[]
}
const corpus: Corpus = JSON.parse(readFileSync('test/vectors/commands.json', 'utf8'))
const GOLDEN = 'test/golden/commands.txt'

/** What the index is known not to see, or to see wrongly. A change for the better shows in the golden file. */
const KNOWN: Readonly<Record<string, string>> = {
  'plain: vim': 'commands inside a full-screen program (":!id") are not seen',
  'marked: vim': 'commands inside a full-screen program (":!id") are not seen',
  'plain: base64 into sh': 'what the inner shell runs is not seen',
  'marked: base64 into sh': 'what the inner shell runs is not seen',
  'plain: a terminal without echo': 'the command that ran without echo is hidden like a password',
  'plain: a here document': 'text of the document cannot be told from commands',
  'plain: history expansion': '"!!" stands as typed, not as it ran',
  'plain: an alias': 'the alias stands as typed, not as it ran',
  'marked: an alias': 'the alias stands as typed, not as it ran',
}

const octetsOf = (text: string | { readonly base64: string }): Buffer =>
  typeof text === 'string' ? Buffer.from(text) : Buffer.from(text.base64, 'base64')

function framesOf({ shell, frames }: Case): Frame[] {
  const { columns, rows, nonce } = corpus
  return [
    { timeUs: 0, event: { type: 'pty', channel: 0, term: 'xterm', columns, rows } },
    ...(shell === 'marked'
      ? [{ timeUs: 0, event: { type: 'command_marks', channel: 0, nonce } } as const]
      : []),
    ...frames.map(([timeUs, stream, text]) => {
      return { timeUs, channel: 0, stream, bytes: octetsOf(text) }
    }),
    { timeUs: 1e9, event: { type: 'channel_closed', channel: 0 } },
  ]
}

async function indexOf(frames: readonly Frame[]): Promise<readonly CommandEvent[]> {
  const index = new CommandIndex()
  const events: CommandEvent[] = []
  for (const frame of frames) events.push(...(await index.feed(frame)))
  return [...events, ...(await index.end())]
}

const print = (event: CommandEvent): string =>
  event.type === 'exit'
    ? `    exit ${event.code}`
    : `  ${event.source} ${event.confidence}: ${JSON.stringify(event.text)}`

test('S6 T67: the index of the corpus is the expected one, misses included', async (t) => {
  let text = ''
  for (const one of corpus.cases) {
    const title = `${one.shell}: ${one.name}`
    const known = KNOWN[title] === undefined ? '' : `  # ${KNOWN[title]}\n`
    const events = await indexOf(framesOf(one))
    text += `${title}\n${known}${events.map((event) => `${print(event)}\n`).join('')}\n`
  }
  if (process.env['UPDATE'] === '1') writeFileSync(GOLDEN, text)
  t.deepEqual(text.split('\n\n'), readFileSync(GOLDEN, 'utf8').split('\n\n'))
})

test('S6 T67: the corpus was typed into the shell that the gateway starts', (t) => {
  const marked = corpus.cases.filter(({ shell }) => shell === 'marked')
  t.true(marked.every(({ frames }) => JSON.stringify(frames).includes(corpus.nonce)))
  t.true(markedShell(corpus.nonce).includes(`133;C;${corpus.nonce};`))
  t.throws(() => markedShell("x'; id"), { instanceOf: RangeError })
})

test('S6: what was not echoed is never in the index', async (t) => {
  for (const one of corpus.cases) {
    const events = JSON.stringify(await indexOf(framesOf(one)))
    t.false(events.includes('hunter2'), one.name)
  }
})

test('S6: a line says when Enter was pressed, and how much had been printed by then', async (t) => {
  const [one] = corpus.cases
  if (!one) throw new Error('empty corpus')
  const frames = framesOf(one)
  const enter = frames.findIndex((frame) => 'stream' in frame && frame.stream === 'input')
  const printed = frames
    .slice(0, enter)
    .reduce((sum, frame) => sum + ('bytes' in frame ? frame.bytes.length : 0), 0)
  const [first] = await indexOf(frames)
  t.like(first, { timeUs: frames[enter]?.timeUs, outputBytes: printed, text: 'echo one' })
})

/** The same octets in other frames; times of one frame stay its own. */
function cut(frames: readonly Frame[], sizes: readonly number[]): Frame[] {
  let next = 0
  return frames.flatMap((frame): Frame[] => {
    if ('event' in frame || frame.stream === 'input') return [frame]
    const pieces: Frame[] = []
    for (let rest = frame.bytes; rest.length > 0; ) {
      const size = sizes[next++ % sizes.length] ?? rest.length
      pieces.push({ ...frame, bytes: rest.subarray(0, size) })
      rest = rest.subarray(size)
    }
    return pieces
  })
}

const words = (events: readonly CommandEvent[]) => events.map(print)

test('S6 T67: any split of the output gives the same index', async (t) => {
  const cases = fc.constantFrom(...corpus.cases)
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 })
  const same = fc.asyncProperty(cases, sizes, async (one, some) => {
    const frames = framesOf(one)
    t.deepEqual(words(await indexOf(cut(frames, some))), words(await indexOf(frames)))
  })
  await t.notThrowsAsync(fc.assert(same, { numRuns: process.env['ZT_FULL'] ? 500 : 40 }))
})

test('S6 T67: no input makes the index throw, or say what was not printed', async (t) => {
  const pieces = fc.constantFrom(
    ...[
      '\r',
      '\n',
      '\u001b',
      '\u001b[A',
      '\u001b[200~',
      '\u001b[201~',
      '\u0003',
      '\u0004',
      '\u007f',
      'ls',
    ],
    ...[
      '\u001b[?1049h',
      '\u001b[?1049l',
      '\u001b]133;C;x;eA==\u0007',
      '\u001b]133;D',
      '\u001b]1',
      '漢',
      '\u001b[',
    ],
    ...[
      '\u001b]133;D;0123456789abcdef;0;\u0007',
      '\u001b]133;C;0123456789abcdef;ICAxICBscw==\u0007',
      '\u001bc',
    ],
  )
  const stream = fc.constantFrom<StreamName>('input', 'output', 'stderr')
  const steps = fc.array(fc.tuple(stream, fc.oneof(pieces, fc.string({ maxLength: 5 }))))
  const calm = fc.asyncProperty(steps, fc.boolean(), async (said, marked) => {
    const frames = said.map(([name, text], at): Frame => {
      return { timeUs: at, channel: 0, stream: name, bytes: Buffer.from(text) }
    })
    const start = framesOf({ name: '', shell: marked ? 'marked' : 'plain', frames: [] }).slice(
      0,
      -1,
    )
    for (const event of await indexOf([...start, ...frames])) {
      if (event.type === 'exit') t.true(marked)
      else t.true(['screen', 'hidden', 'osc133'].includes(event.source))
    }
  })
  await t.notThrowsAsync(fc.assert(calm, { numRuns: 100 }))
})

const typed = (timeUs: number, text: string): Frame => {
  return { timeUs, channel: 0, stream: 'input', bytes: Buffer.from(text) }
}
const printed = (timeUs: number, text: string | Uint8Array): Frame => {
  return { timeUs, channel: 0, stream: 'output', bytes: Buffer.from(text) }
}
const terminal: Frame = {
  timeUs: 0,
  event: { type: 'pty', channel: 0, term: 'xterm', columns: 80, rows: 24 },
}

test('S6: megabytes between two keys do not hide the next command', async (t) => {
  const flood = Buffer.alloc(300_000, 'lots of it\r\n')
  const events = await indexOf([
    terminal,
    printed(1, '$ '),
    typed(2, 'yes\r'),
    printed(3, 'yes\r\n'),
    ...Array.from({ length: 10 }, (_, at) => printed(4 + at, flood)),
    printed(20, '\r\n$ '),
    typed(21, 'id\r'),
    printed(22, 'id\r\n'),
  ])
  t.deepEqual(words(events), ['  screen medium: "yes"', '  screen medium: "id"'])
})

test('S6: a line whose echo never comes is given up within bounds', async (t) => {
  const frames = [
    terminal,
    printed(1, 'Password: '),
    typed(2, 'hunter2\r'),
    printed(3, Buffer.alloc(70_000, 'x\r\n')),
  ]
  const index = new CommandIndex()
  const events: CommandEvent[] = []
  for (const frame of frames) events.push(...(await index.feed(frame)))
  t.deepEqual(words(events), ['  hidden low: "[7 characters not echoed]"'])
})

test('S6: forged marks are told of a hundred times, not more', async (t) => {
  const mark = '\u001b]133;C;0000;ICAxICBybSAtcmYgLw==\u0007'
  const events = await indexOf([terminal, printed(1, mark.repeat(1000))])
  t.is(events.length, 100)
  t.is(words(events)[0], '  osc133 forged: "rm -rf /"')
})

test('S6: marks of other programs are none of ours', async (t) => {
  const others =
    '\u001b]133;A\u0007\u001b]133;C\u0007\u001b]133;D;0\u001b\\\u001b]133;C;cmdline=ls\u0007'
  t.deepEqual(await indexOf([terminal, printed(1, others)]), [])
})

test('S6: commands, subsystems and file operations are facts', async (t) => {
  const events = await indexOf([
    { timeUs: 1, event: { type: 'exec', channel: 0, command: 'cat /etc/passwd' } },
    { timeUs: 2, event: { type: 'subsystem', channel: 1, name: 'sftp' } },
    {
      timeUs: 3,
      event: { type: 'sftp', channel: 1, operation: 'rename', path: '/a', toPath: '/b', status: 0 },
    },
    {
      timeUs: 4,
      event: { type: 'sftp', channel: 1, operation: 'close', path: '/c', status: 4, wroteBytes: 9 },
    },
    { timeUs: 5, event: { type: 'shell', channel: 2 } },
  ])
  t.deepEqual(words(events), [
    '  exec fact: "cat /etc/passwd"',
    '  subsystem fact: "sftp"',
    '  sftp fact: "rename /a -> /b"',
    '  sftp fact: "close /c (wrote 9 octets, status 4)"',
    '  shell fact: "[shell without a terminal]"',
  ])
})

const READ_LIVE: SessionEvent = {
  ...{ type: 'command', channel: 0, atUs: 7, outputBytes: 9 },
  ...{ source: 'screen', confidence: 'medium', text: 'id' },
} as const

test('S6: where no output is recorded, commands are listed as they were read live', async (t) => {
  const pty = { type: 'pty', channel: 0, term: 'xterm', columns: 80, rows: 24 } as const
  t.deepEqual(
    await indexOf([
      { timeUs: 1, event: pty },
      { timeUs: 99, event: READ_LIVE },
    ]),
    [
      {
        ...{ type: 'command', channel: 0, timeUs: 7, outputBytes: 9 },
        ...{ source: 'screen', confidence: 'medium', text: 'id' },
      },
    ],
  )
})

test('S6: where output is there to read, what was read live is not listed again', async (t) => {
  const output = { timeUs: 1, channel: 0, stream: 'output', bytes: Buffer.from('$ ') } as const
  t.deepEqual(await indexOf([output, { timeUs: 99, event: READ_LIVE }]), [])
})

test('S6: output that is skipped counts, and what follows is read', async (t) => {
  const index = new CommandIndex()
  const feed = async (timeUs: number, stream: StreamName, text: string) =>
    index.feed({ timeUs, channel: 0, stream, bytes: Buffer.from(text) })
  const pty = { type: 'pty', channel: 0, term: 'xterm', columns: 80, rows: 24 } as const
  await index.feed({ timeUs: 0, event: pty })
  await feed(1, 'output', 'a line that is cut in')
  await index.skip(0, 1_000_000)
  await feed(2, 'output', '$ ')
  await feed(3, 'input', 'id\r')
  t.like(await feed(4, 'output', 'id\r\n'), [
    { text: 'id', confidence: 'medium', outputBytes: 1_000_023 },
  ])
})
