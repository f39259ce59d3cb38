import { spawnSync } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { parseRecipient } from '#lib/seal/recipient-key'
import { filesOf, type PlainFormat } from '../../../cli/recordings/export-views.ts'
import { PlaySchedule } from '../../../cli/recordings/play-schedule.ts'
import { printReadError, printVerdict } from '../../../cli/recordings/print-verdict.ts'
import {
  exportRecording,
  playRecording,
  readRecording,
  verifyRecording,
} from '../../../cli/recordings/read-recording.ts'
import {
  createRecipientKeyFile,
  openRecordingFile,
  readManifestBeside,
  readRecipientKeyFile,
} from '../../../cli/recordings/recording-file-store.ts'
import {
  cut,
  makeRecipient,
  makeRecording,
  shortSession,
  sign,
} from '../../support/recording-sample.ts'

async function freshFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'zt-cli-recording-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const alice = await makeRecipient()
const bob = await makeRecipient()
const { file, manifest } = await makeRecording({ output: [alice] }, shortSession)

/** The files of an export, by suffix. */
async function exportAs(format: PlainFormat, input = false): Promise<Record<string, string>> {
  const files: Record<string, string> = {}
  const options = { makeFiles: filesOf(format), input }
  const done = await exportRecording([file], [alice], options, (suffix, piece) => {
    files[suffix] = (files[suffix] ?? '') + Buffer.from(piece).toString()
  })
  if (!done.ok) throw new Error(done.error.reason)
  return files
}
const textAs = async (format: PlainFormat, input = false) =>
  (await exportAs(format, input))[''] ?? ''

test('S8: a recording exports as cast, text and JSON lines', async (t) => {
  t.true(
    (await textAs('asciicast')).startsWith(
      '{"version":2,"width":80,"height":24,"timestamp":1700000000',
    ),
  )
  t.true((await textAs('text')).includes('\nmarker-in-output\n'))
  const lines = (await textAs('jsonl', true)).trimEnd().split('\n')
  t.is(lines.length, 7)
  t.true(lines.some((line) => JSON.parse(line).text === 'marker-in-input\r'))
})

test('S8: asciinema of Debian reads the cast', async (t) => {
  const path = join(await freshFolder(t), 'session.cast')
  await writeFile(path, await textAs('asciicast', true))
  // It wants a terminal; script(1) gives it one.
  const shown = spawnSync('script', ['-qec', `asciinema cat ${path}`, '/dev/null'], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C.UTF-8', ASCIINEMA_CONFIG_HOME: dirname(path) },
  })
  t.is(shown.status, 0, shown.stdout + shown.stderr)
  t.true(shown.stdout.includes('marker-in-output'))
})

for (const input of [false, true]) {
  test(`S8: scriptreplay of util-linux plays the typescript, with ${input ? '' : 'no '}input`, async (t) => {
    const path = join(await freshFolder(t), 'session')
    const { '': script = '', '.timing': timing = '' } = await exportAs('typescript', input)
    await writeFile(path, script)
    await writeFile(`${path}.timing`, timing)
    const replay = (...more: string[]) =>
      spawnSync(
        'scriptreplay',
        ['--log-timing', `${path}.timing`, '--log-io', path, '--divisor', '1000', ...more],
        { encoding: 'utf8' },
      )
    const shown = replay()
    t.is(shown.status, 0, shown.stderr)
    t.is(shown.stdout, 'marker-in-output\r\nproblem\n\n')
    t.is(replay('--stream', 'in').stdout.includes('marker-in-input'), input)
    const summary = replay('--summary').stdout
    for (const fact of [/TERM: +xterm/, /COLUMNS: +80/, /LINES: +24/, /EXIT_CODE: +3/]) {
      t.regex(summary, fact)
    }
  })
}

test('S9: a key that is no recipient says so, whatever is asked', async (t) => {
  const refused = await exportRecording([file], [bob], { makeFiles: filesOf('text') }, () =>
    t.fail(),
  )
  t.is(
    refused.ok ? '' : printReadError(refused.error),
    'this key is not a recipient of this recording',
  )
  const verdict = await verifyRecording([file], { ...(await sign(manifest)), keys: [bob] })
  t.deepEqual(printVerdict(verdict), ['unverified: this key is not a recipient of this recording'])
})

test('S9: what is no recording is refused', async (t) => {
  for (const source of [[], [Buffer.from('ZTREC')], [Buffer.from('hello, world')]]) {
    const read = await readRecording(source, [alice], () => t.fail())
    t.is(read.ok ? '' : read.error.reason, 'not_a_recording')
  }
})

test('S11: a recording that a crash cut short reads to its last whole chunk', async (t) => {
  const { head, chunks } = cut(file)
  let frames = 0
  const read = await readRecording([head, ...chunks.slice(0, 3)], [alice], () => {
    frames++
  })
  t.like(read, { ok: true, value: { ended: false, classes: ['output', 'input', 'index'] } })
  t.is(frames, 5)
})

test('S9: verdicts say where', async (t) => {
  const options = await sign(manifest)
  const whole = await verifyRecording([file], { ...options, keys: [alice] })
  t.is(
    printVerdict(whole)[0],
    `complete: ${whole.chunks} chunks, ${file.length} bytes, every one as signed`,
  )
  t.true(printVerdict(whole).at(-1)?.startsWith('consistent, tail not provable'))
  const changed = Buffer.from(file)
  changed.writeUInt8(changed.readUInt8(changed.length - 1) ^ 1, changed.length - 1)
  const verdict = await verifyRecording([changed], options)
  t.regex(printVerdict(verdict)[0] ?? '', /^tampered: .* \(chunk \d+, byte \d+\)$/)
  const unsigned = await verifyRecording([file], {})
  t.is(printVerdict(unsigned)[0], 'incomplete: it has its end, but no manifest that vouches for it')
})

test('S8: playing keeps the pauses, by speed and idle limit', async (t) => {
  const said: (number | string)[] = []
  const terminal = {
    write: (bytes: Uint8Array) => void said.push(Buffer.from(bytes).toString()),
    sleep: async (delayMs: number) => void said.push(delayMs),
  }
  const play = async (options: { speed: number; idleLimitMs?: number }) => {
    said.length = 0
    await playRecording([file], [alice], options, terminal)
    return [...said]
  }
  t.deepEqual(await play({ speed: 1 }), ['marker-in-output\r\n', 1000.01, 'problem\n'])
  t.deepEqual(await play({ speed: 2, idleLimitMs: 100 }), ['marker-in-output\r\n', 50, 'problem\n'])
})

test('S8: playing from a time on shows what came before it at once', (t) => {
  const show = (fromUs: number) => {
    const schedule = new PlaySchedule({ speed: 1, fromUs })
    return [1_000_000, 3_000_000, 6_000_000].map((timeUs) => {
      const bytes = Buffer.from('x')
      return schedule.push({ timeUs, channel: 0, stream: 'output', bytes })?.delayMs
    })
  }
  t.deepEqual(show(0), [0, 2000, 3000])
  t.deepEqual(show(4_500_000), [0, 0, 1500])
  t.deepEqual(show(9_000_000), [0, 0, 0])
})

test('S8 T65: playing leaves out what could act on the terminal', (t) => {
  const schedule = new PlaySchedule({ speed: 1 })
  const bytes = Buffer.from('\u001b]52;c;AAAA\u0007')
  t.is(schedule.push({ timeUs: 1, channel: 0, stream: 'output', bytes }), undefined)
})

test('S9: a key file is private, never overwritten, and gives the public line', async (t) => {
  const path = join(await freshFolder(t), 'alice.key')
  for (const kem of ['x25519', 'p256'] as const) {
    const { publicLine, fingerprint } = await createRecipientKeyFile(`${path}-${kem}`, kem)
    t.is((await stat(`${path}-${kem}`)).mode & 0o777, 0o600)
    const key = await readRecipientKeyFile(`${path}-${kem}`)
    t.true(key.ok && key.value.fingerprint === fingerprint)
    const recipient = await parseRecipient(publicLine)
    t.is(await readFile(`${path}-${kem}.pub`, 'utf8'), `${publicLine}\n`)
    t.true(recipient.ok && recipient.value.fingerprint === fingerprint)
    await t.throwsAsync(createRecipientKeyFile(`${path}-${kem}`, kem), { code: 'EEXIST' })
  }
  await chmod(`${path}-p256`, 0o640)
  t.deepEqual(await readRecipientKeyFile(`${path}-p256`), {
    ok: false,
    error: { reason: 'key_file_too_open' },
  })
  t.deepEqual(await readRecipientKeyFile(path), {
    ok: false,
    error: { reason: 'key_file_missing' },
  })
  await writeFile(path, 'not a key', { mode: 0o600 })
  t.deepEqual(await readRecipientKeyFile(path), {
    ok: false,
    error: { reason: 'bad_recipient_key' },
  })
})

test('S9: a recording and its manifest come from files', async (t) => {
  const path = join(await freshFolder(t), 'session.ztrec')
  await writeFile(path, file)
  t.is(await readManifestBeside(path), undefined)
  const signed = await sign(manifest)
  await writeFile(`${path}.manifest`, signed.manifest)
  t.is(await readManifestBeside(path), signed.manifest)
  t.is((await verifyRecording(openRecordingFile(path), signed)).status, 'complete')
})
