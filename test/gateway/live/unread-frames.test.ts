import test from 'ava'
import fc from 'fast-check'
import type { StreamName } from '#lib/recording/session-event'
import { UNREAD_LIMIT_OCTETS, UnreadFrames } from '../../../gateway/live/unread-frames.ts'

const KIB = 1024

function terminal(): UnreadFrames {
  const unread = new UnreadFrames()
  unread.event(0, { type: 'channel_opened', channel: 0, kind: 'session' })
  unread.event(0, { type: 'pty', channel: 0, term: 'xterm', columns: 80, rows: 24 })
  return unread
}
const passes = (unread: UnreadFrames, stream: StreamName, bytes: Buffer) =>
  unread.data({ timeUs: 1, channel: 0, stream, bytes })
const printedOf = (unread: UnreadFrames) =>
  unread.take().flatMap((one): (number | Buffer)[] => {
    if ('skipped' in one) return [one.skipped]
    return 'bytes' in one ? [Buffer.from(one.bytes)] : []
  })

test('S6: a channel without a terminal is not read', (t) => {
  const unread = new UnreadFrames()
  unread.event(0, { type: 'exec', channel: 0, command: 'cat' })
  t.true(passes(unread, 'output', Buffer.alloc(9 * KIB * KIB)))
  t.deepEqual([unread.octets, unread.take()], [0, []])
})

test('S6: of what is printed between two keys the tail waits; what is left out is counted', (t) => {
  const unread = terminal()
  for (let at = 0; at < 100; at++) passes(unread, 'output', Buffer.alloc(32 * KIB, at))
  t.true(unread.octets <= 129 * KIB)
  const [skipped, tail] = printedOf(unread)
  t.is(Number(skipped) + (tail as Buffer).length, 100 * 32 * KIB)
  t.is((tail as Buffer).at(-1), 99)
})

test('S6: what switches to the alternate screen is never left out', (t) => {
  const unread = terminal()
  passes(unread, 'output', Buffer.from('\x1b[?1049l \x1b[?10'))
  passes(unread, 'output', Buffer.from('49h'))
  for (let at = 0; at < 100; at++) passes(unread, 'output', Buffer.alloc(32 * KIB, 0x78))
  const tail = printedOf(unread)[1] as Buffer
  t.is(tail.subarray(0, 9).toString(), '\x1b[?1049hx')
})

test('S6: when too much waits, what was typed is forgotten and the session begins anew', (t) => {
  const unread = terminal()
  let fits = true
  for (let at = 0; at < 100 && fits; at++) fits = passes(unread, 'input', Buffer.alloc(32 * KIB))
  t.false(fits)
  t.true(unread.octets <= UNREAD_LIMIT_OCTETS + 33 * KIB)
  unread.beginAnew(7)
  t.like(unread.take(), [{ event: { type: 'pty', channel: 0 } }])
})

test('S6: whatever passes, no more waits than the limit, and no octet printed is unaccounted for', (t) => {
  const piece = fc.record({
    stream: fc.constantFrom<StreamName>('input', 'output'),
    length: fc.oneof(fc.nat(9), fc.nat(200 * KIB)),
  })
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const unread = terminal()
      let printed = 0
      for (const { stream, length } of pieces) {
        if (stream === 'output') printed += length
        if (!passes(unread, stream, Buffer.alloc(length))) unread.beginAnew(1)
        t.true(unread.octets <= UNREAD_LIMIT_OCTETS)
      }
      const counted = unread.take().map((one) => {
        if ('skipped' in one) return one.skipped
        return 'bytes' in one && one.stream === 'output' ? one.bytes.length : 0
      })
      t.is(
        counted.reduce((sum, octets) => sum + octets, 0),
        printed,
      )
    }),
    { numRuns: process.env['ZT_FULL'] ? 2000 : 100 },
  )
})
