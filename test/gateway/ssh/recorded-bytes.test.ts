/** T60: what is recorded is what was forwarded, with a real client and a real target, for every kind of session channel. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import type { StreamName } from '#lib/recording/session-event'
import type { Ran } from '../../support/ssh-client.ts'
import { type SshPair, startSshPair } from '../../support/ssh-pair.ts'

const runs = process.env['ZT_FULL'] ? 100 : 4

async function start(t: ExecutionContext): Promise<SshPair> {
  const pair = await startSshPair()
  t.teardown(() => pair.stop())
  return pair
}

type Passed = Readonly<Record<StreamName, Buffer>> & { readonly ran: Ran }

/** Runs a client, and reads what the recording of its session holds. */
async function record(pair: SshPair, args: readonly string[], input: Uint8Array): Promise<Passed> {
  const ran = await pair.proxied.ssh(['-o', 'LogLevel=QUIET', ...args], input)
  await pair.gateway.lastEnd()
  const frames = await pair.gateway.frames(pair.gateway.sessions.at(-1) ?? '')
  const stream = (name: StreamName) =>
    Buffer.concat(
      frames.flatMap((one) => ('stream' in one && one.stream === name ? [one.bytes] : [])),
    )
  return { ran, input: stream('input'), output: stream('output'), stderr: stream('stderr') }
}

const octets = fc.uint8Array({ maxLength: 300_000, size: 'max' })
const count = fc.nat(300_000)

async function holds<T>(arbitrary: fc.Arbitrary<T>, check: (value: T) => Promise<void>) {
  await fc.assert(fc.asyncProperty(arbitrary, check), { numRuns: runs })
}

test('S8 T60: exec: stdin, stdout and stderr are recorded as they passed', async (t) => {
  const pair = await start(t)
  await holds(fc.record({ typed: octets, out: count, err: count }), async ({ typed, out, err }) => {
    const command = `cat; head -c ${out} /dev/urandom; head -c ${err} /dev/urandom >&2`
    const passed = await record(pair, ['target', command], typed)
    t.is(passed.ran.stdout.length, typed.length + out)
    t.true(passed.input.equals(typed))
    t.true(passed.output.equals(passed.ran.stdout))
    t.is(passed.stderr.length, err)
    t.is(passed.stderr.toString('utf8'), passed.ran.stderr)
  })
})

test('S8 T60: a shell without a terminal: what it was told, and what it said', async (t) => {
  const pair = await start(t)
  await holds(fc.record({ out: count, err: count }), async ({ out, err }) => {
    const script = `head -c ${out} /dev/zero\nhead -c ${err} /dev/zero >&2\nexit 0\n`
    const passed = await record(pair, ['-T', 'target'], Buffer.from(script))
    t.is(passed.input.toString(), script)
    t.true(passed.output.equals(passed.ran.stdout))
    t.true(passed.stderr.length >= err)
    t.is(passed.stderr.toString('utf8'), passed.ran.stderr)
  })
})

test('S8 T60: a command with a forced terminal', async (t) => {
  const pair = await start(t)
  await holds(count, async (out) => {
    const command = `head -c ${out} /dev/urandom | base64; echo end >&2`
    const passed = await record(pair, ['-tt', 'target', command], Buffer.alloc(0))
    t.true(passed.output.equals(passed.ran.stdout))
    t.regex(passed.output.toString(), /end\r\n$/)
    t.is(passed.stderr.length, 0)
  })
})

/** An SFTP packet of the client: length, type, the rest. */
function packet(type: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat([Buffer.of(type), ...parts])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length)
  return Buffer.concat([length, body])
}
function number(value: number): Buffer {
  const octetsOf = Buffer.alloc(4)
  octetsOf.writeUInt32BE(value)
  return octetsOf
}

test('S8 T60: the SFTP subsystem: every packet both ways', async (t) => {
  const pair = await start(t)
  const paths = fc.array(fc.stringMatching(/^[a-z/.]{1,20}$/), { maxLength: 30 })
  await holds(paths, async (asked) => {
    const typed = Buffer.concat([
      packet(1, number(3)),
      ...asked.map((path, id) => {
        return packet(16, number(id), number(path.length), Buffer.from(path))
      }),
    ])
    const passed = await record(pair, ['-s', 'target', 'sftp'], typed)
    t.is(passed.input.toString('hex'), typed.toString('hex'), passed.ran.stderr)
    // A server that sees the end may go without an answer: what there is of it is recorded.
    t.true(passed.output.equals(passed.ran.stdout))
  })
})

test('S8 T60: sftp itself: what a file held is in what was recorded, both ways', async (t) => {
  const pair = await start(t)
  // One packet each: a longer file is cut into several.
  await holds(fc.uint8Array({ minLength: 1, maxLength: 30_000, size: 'max' }), async (content) => {
    const { folder, config } = pair.proxied
    const [here, there, back] = ['here', 'there', 'back'].map((name) => join(folder, name))
    writeFileSync(here ?? '', content)
    const batch = `put ${here} ${there}\nget ${there} ${back}\n`
    const ran = await pair.proxied.run(['sftp', '-q', '-F', config, '-b', '-', 'target'], batch)
    t.is(ran.code, 0, ran.stderr)
    t.true(readFileSync(back ?? '').equals(content))
    await pair.gateway.lastEnd()
    const frames = await pair.gateway.frames(pair.gateway.sessions.at(-1) ?? '')
    for (const name of ['input', 'output']) {
      const bytes = frames.flatMap((one) =>
        'stream' in one && one.stream === name ? [one.bytes] : [],
      )
      t.true(Buffer.concat(bytes).includes(Buffer.from(content)), name)
    }
  })
})
