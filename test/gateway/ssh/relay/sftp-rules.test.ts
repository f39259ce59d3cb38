/** Rules on SFTP in the relay core: what passes in place of a refused request, in any split. */
import test from 'ava'
import fc from 'fast-check'
import type { SessionEvent } from '#lib/recording/session-event'
import { MESSAGE } from '#lib/ssh/message-numbers'
import { writeUint64 } from '#lib/ssh/writer'
import type { SftpRules } from '../../../../gateway/policy/ssh-grant.ts'
import { DROP } from '../../../../gateway/ssh/relay/relay-action.ts'
import { SftpTap } from '../../../../gateway/ssh/relay/sftp-tap.ts'
import type { Side } from '../../../../gateway/ssh/relay/side.ts'
import { openRelayRig, TARGET, USER } from '../../../support/relay-rig.ts'
import {
  channelData,
  channelRequest,
  fields,
  numbersMessage,
} from '../../../support/ssh-messages.ts'

const OFFSET = writeUint64(0n)
const READ = 1
const WRITE = 0x1a

function packet(type: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat([Buffer.of(type), ...parts])
  return Buffer.concat([fields(body.length), body])
}
const open = (id: number, path: string, flags: number) => packet(3, fields(id, path, flags, 0))
const realpath = (id: number, path: string) => packet(16, fields(id, path))
const isAt = (id: number, path: string) => packet(104, fields(id, 1, path, path, 0))
const status = (id: number, code: number) => packet(101, fields(id, code, 'text', 'en'))
const extended = (id: number, name: string, ...rest: readonly (string | number)[]) =>
  packet(200, fields(id, name, ...rest))

class Rig {
  readonly events: SessionEvent[] = []
  readonly tap: SftpTap
  constructor(rules: Partial<SftpRules>) {
    const whole = { readOnly: false, denyPaths: [], ...rules }
    this.tap = new SftpTap(5, (event) => this.events.push(event), [whole])
  }
  pass(from: Side, octets: Buffer): Buffer | 'unreadable' {
    return this.tap.feed(from, octets) ?? octets
  }
  get reason(): string | undefined {
    const refused = this.events.find(({ type }) => type === 'refused')
    return refused?.type === 'refused' ? refused.reason : undefined
  }
}

const READ_ONLY = { readOnly: true }
const SRV = { paths: ['/srv'], denyPaths: ['/srv/secret'] }

/** Rules, request, why it is refused. */
const cases: Readonly<Record<string, readonly [Partial<SftpRules>, Buffer, string | undefined]>> = {
  'open to read': [READ_ONLY, open(1, '/etc/hosts', READ), undefined],
  'open to write': [READ_ONLY, open(1, '/tmp/a', WRITE), 'read_only'],
  'open to read and write': [READ_ONLY, open(1, '/tmp/a', 3), 'read_only'],
  'open with no flag at all': [READ_ONLY, open(1, '/tmp/a', 0), 'read_only'],
  'a write by a handle': [READ_ONLY, packet(6, fields(1, 'h'), OFFSET, fields('x')), 'read_only'],
  mkdir: [READ_ONLY, packet(14, fields(1, '/tmp/d', 0)), 'read_only'],
  setstat: [READ_ONLY, packet(9, fields(1, '/tmp/d', 0)), 'read_only'],
  fsetstat: [READ_ONLY, packet(10, fields(1, 'h', 0)), 'read_only'],
  remove: [READ_ONLY, packet(13, fields(1, '/tmp/d')), 'read_only'],
  rename: [READ_ONLY, packet(18, fields(1, '/a', '/b')), 'read_only'],
  symlink: [READ_ONLY, packet(20, fields(1, '/a', '/b')), 'read_only'],
  'posix-rename': [READ_ONLY, extended(1, 'posix-rename@openssh.com', '/a', '/b'), 'read_only'],
  'a listing': [READ_ONLY, packet(11, fields(1, '/')), undefined],
  'stat of anything': [READ_ONLY, packet(17, fields(1, '/etc')), undefined],
  'an extension unknown to us': [
    READ_ONLY,
    extended(1, 'frobnicate@example.com'),
    'request_unknown',
  ],
  'a type unknown to us': [READ_ONLY, packet(77, fields(1, 'x')), 'request_unknown'],

  'a path below': [SRV, open(1, '/srv/a/b', WRITE), undefined],
  'the path itself': [SRV, packet(11, fields(1, '/srv')), undefined],
  'a slash more': [SRV, packet(11, fields(1, '//srv///a/./b/')), undefined],
  'a path elsewhere': [SRV, open(1, '/etc/passwd', READ), 'path_not_allowed'],
  'a path that only begins alike': [SRV, open(1, '/srvx', READ), 'path_not_allowed'],
  'stat elsewhere': [SRV, packet(17, fields(1, '/etc')), 'path_not_allowed'],
  'a link that is read elsewhere': [SRV, packet(19, fields(1, '/etc')), 'path_not_allowed'],
  'statvfs elsewhere': [SRV, extended(1, 'statvfs@openssh.com', '/etc'), 'path_not_allowed'],
  'what is denied': [SRV, open(1, '/srv/secret/key', READ), 'path_not_allowed'],
  'what is denied, with slashes': [SRV, open(1, '/srv//secret/.', READ), 'path_not_allowed'],
  'two dots (T45)': [SRV, open(1, '/srv/../etc/passwd', READ), 'path_not_plain'],
  'two dots that stay inside (T45)': [SRV, open(1, '/srv/a/../b', READ), 'path_not_plain'],
  'two dots between backslashes, as Windows reads them (T45)': [
    SRV,
    open(1, '/srv/a\\..\\..\\etc', READ),
    'path_not_plain',
  ],
  'a backslash in a name': [SRV, open(1, '/srv/a\\b..', READ), undefined],
  'NUL (T45)': [SRV, open(1, '/srv/a\0/../../etc', READ), 'path_not_plain'],
  'a relative path whose beginning is unknown': [SRV, open(1, 'a', READ), 'path_not_plain'],
  'a rename out': [SRV, packet(18, fields(1, '/srv/a', '/tmp/a')), 'path_not_allowed'],
  'a rename in': [SRV, packet(18, fields(1, '/etc/a', '/srv/a')), 'path_not_allowed'],
  'a rename of what holds the denied': [
    SRV,
    packet(18, fields(1, '/srv', '/srv/x')),
    'path_not_allowed',
  ],
  'a new link': [SRV, packet(20, fields(1, '/srv/a', '/srv/b')), 'path_not_allowed'],
  'a hard link to elsewhere': [
    SRV,
    extended(1, 'hardlink@openssh.com', '/etc/shadow', '/srv/x'),
    'path_not_allowed',
  ],
  'where am I': [SRV, realpath(1, '.'), undefined],
  'a path of 20,000 octets (T45)': [
    SRV,
    open(1, `/srv/${'a'.repeat(20_000)}`, READ),
    'request_unknown',
  ],
}
for (const [title, [rules, request, reason]] of Object.entries(cases)) {
  test(`S5 T45: ${reason === undefined ? 'passes' : 'refused'}: ${title}`, (t) => {
    const rig = new Rig(rules)
    const passed = rig.pass('user', request)
    t.is(rig.reason, reason)
    if (passed === 'unreadable') return t.fail('unreadable')
    t.is(passed.length, request.length)
    t.deepEqual(passed.equals(request), reason === undefined)
    if (reason === undefined) return
    // An extension that no server knows, under the same id.
    t.is(passed[4], 200)
    t.is(passed.readUInt32BE(5), 1)
    const name = passed.subarray(13, 22).toString('latin1')
    t.true('denied@zt'.startsWith(name))
    // The target refuses it as unsupported; the client reads that it may not.
    const answer = rig.pass('target', status(1, 8))
    t.deepEqual(answer, status(1, 3))
  })
}

test('S5 T45: under rules no version is agreed on but the one whose requests are judged', (t) => {
  const init = (version: number) => packet(1, fields(version, 'name@example.com', 'x'))
  const rig = new Rig(READ_ONLY)
  t.deepEqual(rig.pass('user', init(6)), init(3))
  t.deepEqual(rig.pass('user', init(3)), init(3))
  t.is(rig.pass('user', packet(1, Buffer.of(0, 0))), 'unreadable')
})

test('S5: relative paths count once the target said what they are relative to', (t) => {
  const rig = new Rig({ paths: ['/home/ann'] })
  rig.pass('user', realpath(1, '.'))
  rig.pass('target', isAt(1, '/home/ann'))
  rig.pass('user', open(2, 'notes', READ))
  t.is(rig.reason, undefined)
  rig.pass('user', open(3, '../bob/notes', READ))
  t.is(rig.reason, 'path_not_plain')
})

test('S5 T45: where a client asks for another path, the answer does not move its home', (t) => {
  const rig = new Rig({ paths: ['/home/ann'] })
  rig.pass('user', realpath(1, '/home/ann/link'))
  rig.pass('target', isAt(1, '/home/ann'))
  rig.pass('user', open(2, 'notes', READ))
  t.is(rig.reason, 'path_not_plain')
})

test('S5: answers to refused requests keep to their own id', (t) => {
  const rig = new Rig(READ_ONLY)
  rig.pass('user', packet(13, fields(1, '/a')))
  rig.pass('user', packet(17, fields(2, '/a')))
  t.deepEqual(rig.pass('target', status(2, 8)), status(2, 8))
  t.deepEqual(rig.pass('target', status(1, 8)), status(1, 3))
  t.deepEqual(rig.pass('target', status(1, 8)), status(1, 8))
})

/** What cannot be followed under rules does not pass. */
const unreadable = {
  'no SFTP at all': [fields(0x7fffffff)],
  'a request cut in the middle of its path': [packet(3, fields(1, 500))],
  'a request that is too short to be one': [packet(77, fields(1))],
  'one id twice': [realpath(1, '.'), realpath(1, '.')],
}
for (const [title, packets] of Object.entries(unreadable)) {
  test(`S5 T45: under rules the channel ends on ${title}`, (t) => {
    const rig = new Rig(READ_ONLY)
    t.is(packets.map((one) => rig.pass('user', one)).at(-1), 'unreadable')
    t.is(rig.pass('user', realpath(9, '.')), 'unreadable')
  })
}

test('S5 T45: requests that come before the subsystem is asked for do not pass by the rules', (t) => {
  const sftp = { readOnly: true, denyPaths: [] }
  const { relay, data } = openRelayRig({ grant: { sftp } })
  const early = channelData(TARGET, packet(13, fields(1, '/srv/a')))
  t.deepEqual(relay.take('user', early), DROP)
  relay.take('user', channelRequest(TARGET, 'subsystem', fields('sftp')))
  t.is(relay.take('user', early).kind, 'send')
  t.is(data.length, 1)
})

test('S5 T45: nor do those that come for another program, which the target then does not start', (t) => {
  const sftp = { readOnly: true, denyPaths: [] }
  const { relay, events } = openRelayRig({ grant: { sftp } })
  relay.take('user', channelRequest(TARGET, 'exec', fields('id')))
  relay.take('user', channelData(TARGET, packet(13, fields(1, '/srv/a'))))
  relay.take('target', numbersMessage(MESSAGE.channelFailure, USER))
  t.is(relay.take('user', channelRequest(TARGET, 'subsystem', fields('sftp'))).kind, 'send')
  t.like(events.at(-1), { type: 'refused', what: 'subsystem', reason: 'second_program' })
})

const requests = fc.constantFrom(
  open(1, '/srv/a', READ),
  open(2, '/etc/passwd', READ),
  packet(6, fields(3, 'h'), OFFSET, fields(Buffer.alloc(700, 1))),
  packet(18, fields(4, '/srv/a', '/srv/b')),
  packet(13, fields(5, '/srv/secret')),
)

test('S5: any split of the stream passes the same octets, as many as came', (t) => {
  const property = fc.property(
    fc.uniqueArray(requests, { minLength: 1 }),
    fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }),
    (packets, sizes) => {
      const whole = Buffer.concat(packets)
      const rules = { ...SRV, readOnly: true }
      const atOnce = new Rig(rules).pass('user', whole)
      const rig = new Rig(rules)
      const parts: Buffer[] = []
      for (let at = 0, turn = 0; at < whole.length; turn++) {
        const size = sizes[turn % sizes.length] ?? 1
        const passed = rig.pass('user', Buffer.from(whole.subarray(at, at + size)))
        if (passed !== 'unreadable') parts.push(passed)
        at += size
      }
      const joined = Buffer.concat(parts)
      return atOnce !== 'unreadable' && joined.equals(atOnce) && joined.length === whole.length
    },
  )
  t.notThrows(() => fc.assert(property))
})

test('S5 T45: whatever comes, nothing throws, and nothing comes out twice', (t) => {
  const side = fc.constantFrom<Side>('user', 'target')
  const property = fc.property(
    fc.array(
      fc.tuple(
        side,
        fc.oneof(
          requests,
          fc.uint8Array().map((o) => Buffer.from(o)),
        ),
      ),
    ),
    (turns) => {
      const rig = new Rig(SRV)
      let [came, passed] = [0, 0]
      for (const [from, octets] of turns) {
        came += octets.length
        const out = rig.pass(from, octets)
        passed += out === 'unreadable' ? 0 : out.length
      }
      rig.tap.end()
      return passed <= came
    },
  )
  t.notThrows(() => fc.assert(property))
})
