import test from 'ava'
import fc from 'fast-check'
import type { SessionEvent } from '#lib/recording/session-event'
import { writeUint64 } from '#lib/ssh/writer'
import { SftpTap } from '../../../../gateway/ssh/relay/sftp-tap.ts'
import type { Side } from '../../../../gateway/ssh/relay/side.ts'
import { fields } from '../../../support/ssh-messages.ts'

const RUNS = process.env['ZT_FULL'] ? 5000 : 200
const OFFSET = writeUint64(0n)

function packet(type: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat([Buffer.of(type), ...parts])
  return Buffer.concat([fields(body.length), body])
}
const status = (id: number, code: number) => packet(101, fields(id, code, 'text', 'en'))
const handle = (id: number, name: string) => packet(102, fields(id, name))
const open = (id: number, path: string) => packet(3, fields(id, path, 1, 0))
const close = (id: number, name: string) => packet(4, fields(id, name))

type Turn = readonly [Side, Buffer]
function events(turns: readonly Turn[], end = false): SessionEvent[] {
  const told: SessionEvent[] = []
  const tap = new SftpTap(5, (event) => told.push(event))
  for (const [side, octets] of turns) tap.feed(side, octets)
  if (end) tap.end()
  return told
}

const start: readonly Turn[] = [
  ['user', packet(1, fields(3))],
  ['target', packet(2, fields(3, 'posix-rename@openssh.com', '1'))],
]
const upload: readonly Turn[] = [
  ...start,
  ['user', open(1, '/tmp/a')],
  ['target', handle(1, '\0\0\0\0')],
  ['user', packet(6, fields(2, '\0\0\0\0'), OFFSET, fields(Buffer.alloc(30_000, 7)))],
  ['user', packet(6, fields(3, '\0\0\0\0'), OFFSET, fields(Buffer.alloc(70, 7)))],
  ['target', status(2, 0)],
  ['target', status(3, 4)],
  ['user', packet(5, fields(4, '\0\0\0\0'), OFFSET, fields(100))],
  ['target', packet(103, fields(4, Buffer.alloc(55)))],
  ['user', close(5, '\0\0\0\0')],
  ['target', status(5, 0)],
]
const uploadTold: readonly SessionEvent[] = [
  { type: 'sftp', channel: 5, operation: 'open', path: '/tmp/a', status: 0 },
  {
    type: 'sftp',
    channel: 5,
    operation: 'close',
    path: '/tmp/a',
    status: 0,
    readBytes: 55,
    wroteBytes: 30_000,
  },
]

test('S6: an open file is told with what was read and written, and a failed write does not count', (t) => {
  t.deepEqual(events(upload), [...uploadTold])
})

/** Request, answer, what is told. */
const changes = {
  'an open that failed': [open(1, '/etc/shadow'), status(1, 3), ['open', '/etc/shadow', 3]],
  remove: [packet(13, fields(1, '/a')), status(1, 0), ['remove', '/a', 0]],
  mkdir: [packet(14, fields(1, '/a', 0)), status(1, 4), ['mkdir', '/a', 4]],
  rmdir: [packet(15, fields(1, '/a')), status(1, 0), ['rmdir', '/a', 0]],
  rename: [packet(18, fields(1, '/a', '/b')), status(1, 0), ['rename', '/a', 0, '/b']],
  symlink: [packet(20, fields(1, '/a', '/b')), status(1, 0), ['symlink', '/a', 0, '/b']],
  setstat: [packet(9, fields(1, '/a', 0)), status(1, 0), ['setstat', '/a', 0]],
  opendir: [packet(11, fields(1, '/d')), handle(1, 'h'), ['opendir', '/d', 0]],
  'posix-rename': [
    packet(200, fields(1, 'posix-rename@openssh.com', '/a', '/b')),
    status(1, 0),
    ['posix-rename@openssh.com', '/a', 0, '/b'],
  ],
  hardlink: [
    packet(200, fields(1, 'hardlink@openssh.com', '/a', '/b')),
    status(1, 0),
    ['hardlink@openssh.com', '/a', 0, '/b'],
  ],
  'an extension nobody here knows': [
    packet(200, fields(1, 'format-disk@example.com', 'x')),
    status(1, 0),
    ['format-disk@example.com', '', 0],
  ],
  'a path of 40,000 octets, cut': [
    open(1, 'x'.repeat(40_000)),
    status(1, 2),
    ['open', 'x'.repeat(16 * 1024 - 8), 2],
  ],
  'a path with line breaks, as it is': [
    open(1, '../a\n\0b'),
    status(1, 2),
    ['open', '../a\n\0b', 2],
  ],
} as const
for (const [title, [request, answer, told]] of Object.entries(changes)) {
  test(`S6 T45: tells ${title}`, (t) => {
    const [operation, path, code, toPath] = told
    const wanted = { type: 'sftp', channel: 5, operation, path, status: code }
    t.deepEqual(
      events([
        ['user', request],
        ['target', answer],
      ]),
      [{ ...wanted, ...(toPath === undefined ? {} : { toPath }) } as SessionEvent],
    )
  })
}

test('S6: changes by handle are told with the path of the handle', (t) => {
  const told = events([
    ['user', open(1, '/a')],
    ['target', handle(1, 'h')],
    ['user', packet(10, fields(2, 'h', 0))],
    ['target', status(2, 0)],
  ])
  t.like(told[1], { operation: 'fsetstat', path: '/a', status: 0 })
})

test('S6: looking around is not told', (t) => {
  const looks = [16, 17, 7, 8, 12, 19].flatMap((type, id): Turn[] => [
    ['user', packet(type, fields(id, '/'))],
    ['target', packet(104, fields(id, 1, '/', '/', 0))],
  ])
  t.deepEqual(events([...start, ...looks]), [])
})

test('S6: a file that was never closed is told at the end', (t) => {
  const told = events(upload.slice(0, -2), true)
  t.deepEqual(told.at(-1), {
    type: 'sftp',
    channel: 5,
    operation: 'close',
    path: '/tmp/a',
    readBytes: 55,
    wroteBytes: 30_000,
  })
})

const unreadable = {
  'a length of zero': [[['user', fields(0)]], 'malformed'],
  'a length above 256 KiB': [[['user', Buffer.from('Hello, world')]], 'malformed'],
  'a path that goes past its packet': [[['user', packet(3, fields(1, 50))]], 'malformed'],
  'another version': [[['target', packet(2, fields(6))]], 'unknown_version'],
  'one id twice (T45)': [
    [
      ['user', open(1, '/etc/shadow')],
      ['user', open(1, '/tmp/harmless')],
    ],
    'duplicate_request_id',
  ],
} as const satisfies Record<string, readonly [readonly Turn[], string]>
for (const [title, [turns, reason]] of Object.entries(unreadable)) {
  test(`S6: stops with an event on ${title}, and stays silent after`, (t) => {
    const told = events([...turns, ...upload, ['target', Buffer.alloc(9)]], true)
    t.deepEqual(told, [{ type: 'sftp_unreadable', channel: 5, reason }])
  })
}

test('S6: what it remembers is bounded: 4097 requests without answer stop it', (t) => {
  const turns = Array.from({ length: 4097 }, (_, id): Turn => ['user', open(id, '/a')])
  t.like(events(turns).at(-1), { type: 'sftp_unreadable', reason: 'too_many_requests' })
})

test('S6: long paths of requests that nobody answers, and of open files, are bounded by octets', (t) => {
  const path = '/p'.repeat(8000)
  const asked = Array.from({ length: 70 }, (_, id): Turn => ['user', open(id, path)])
  const told = events([...start, ...asked])
  t.like(told.at(-1), { type: 'sftp_unreadable', reason: 'too_many_requests' })
  const opened = asked.flatMap((turn, id): Turn[] => [turn, ['target', handle(id, `h${id}`)]])
  t.like(events([...start, ...opened]).at(-1), { reason: 'too_many_handles' })
  const closed = asked.flatMap((turn, id): Turn[] => [
    ...[turn, ['target', handle(id, 'h')] as const],
    ...[['user', close(id, 'h')] as const, ['target', status(id, 0)] as const],
  ])
  t.false(events([...start, ...closed]).some(({ type }) => type === 'sftp_unreadable'))
})

test('S6: any split of the stream gives the same events', (t) => {
  const cuts = fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1, maxLength: 20 })
  const property = fc.property(cuts, (sizes) => {
    const split = upload.flatMap(([side, octets]): Turn[] => pieces(side, octets, sizes))
    return JSON.stringify(events(split)) === JSON.stringify(uploadTold)
  })
  t.notThrows(() => fc.assert(property, { numRuns: RUNS }))
  const bytewise = upload.flatMap(([side, octets]) => pieces(side, octets, [1]))
  t.deepEqual(events(bytewise), [...uploadTold])
})

function pieces(side: Side, octets: Buffer, sizes: readonly number[]): Turn[] {
  const turns: Turn[] = []
  for (let at = 0, n = 0; at < octets.length; n++) {
    const size = sizes[n % sizes.length] ?? 1
    turns.push([side, octets.subarray(at, at + size)])
    at += size
  }
  return turns
}

test('S6: never throws, and noise split differently tells the same', (t) => {
  const noise = fc.uint8Array({ maxLength: 300 })
  const small = fc.tuple(fc.constantFrom<Side>('user', 'target'), noise)
  const shaped = fc
    .tuple(fc.constantFrom(3, 4, 5, 6, 9, 18, 101, 102, 103, 200), fc.uint8Array({ maxLength: 60 }))
    .map(([type, body]) => packet(type, Buffer.from(body)))
  const turn = fc.oneof(
    small.map(([side, octets]): Turn => [side, Buffer.from(octets)]),
    fc.tuple(fc.constantFrom<Side>('user', 'target'), shaped),
  )
  const property = fc.property(fc.array(turn), fc.integer({ min: 1, max: 9 }), (turns, size) => {
    const split = turns.flatMap(([side, octets]) => pieces(side, octets, [size]))
    return JSON.stringify(events(split, true)) === JSON.stringify(events(turns, true))
  })
  t.notThrows(() => fc.assert(property, { numRuns: RUNS }))
})

test('S12: what a request opens or changes is told before it passes, with its place where that is known', (t) => {
  const asked: string[] = []
  const tap = new SftpTap(
    5,
    () => asked.push('event'),
    [],
    (paths) => asked.push(...paths),
  )
  for (const [side, octets] of start) tap.feed(side, octets)
  tap.feed('user', open(1, 'notes/../.ssh//./id'))
  tap.feed('user', packet(16, fields(2, '.')))
  tap.feed('target', packet(104, fields(2, 1, '/home/ann', '')))
  tap.feed('user', open(3, '../bob/x'))
  tap.feed('user', packet(18, fields(4, '/etc/passwd', 'p')))
  tap.feed('user', packet(7, fields(5, '/etc/shadow')))
  t.deepEqual(asked, ['.ssh/id', '/home/bob/x', '/etc/passwd', '/home/ann/p'])
})
