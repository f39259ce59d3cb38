import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { EXIT } from '../../../cli/cli-io.ts'
import {
  createRecipientKeyFile,
  readRecipientKeyFile,
} from '../../../cli/recordings/recording-file-store.ts'
import { makeRecipient, makeRecording, shortSession, sign } from '../../support/recording-sample.ts'
import { asTerminal, runProgram as runWithin } from '../../support/run-program.ts'

const AGE_RECIPIENT = 'age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj'
/** Tests stand in a row: each starts programs, and a busy machine starts few of them at once. */
const LIMIT_MS = 60_000
const runProgram = (argv: readonly string[]) => runWithin(argv, '', LIMIT_MS)
const ZT = [process.execPath, 'dist/cli/main.js', 'recordings']

/** A sealed file with its manifest, the recipient's key, a stranger's, and the gateway's public key. */
async function scene(t: ExecutionContext) {
  const folder = await mkdtemp(join(tmpdir(), 'zt-recordings-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const at = (name: string) => join(folder, name)
  for (const name of ['me.key', 'stranger.key']) await createRecipientKeyFile(at(name))
  const recipient = await readRecipientKeyFile(at('me.key'))
  if (!recipient.ok) throw new Error(recipient.error.reason)
  const { file, manifest } = await makeRecording({ output: [recipient.value] }, shortSession)
  const [ours, other] = [await sign(manifest), await sign(manifest)]
  await writeFile(at('s.zt'), file)
  await writeFile(at('s.zt.manifest'), ours.manifest)
  await writeFile(at('gateway.jwk'), JSON.stringify(ours.evidenceKeys[0]))
  await writeFile(at('other.jwk'), JSON.stringify(other.evidenceKeys[0]))
  return { at, file, sealed: at('s.zt') }
}

test.serial('S9: export, play and verify a file with the right key', async (t) => {
  const { at, sealed } = await scene(t)
  const text = await runProgram([...ZT, 'export', sealed, '--key', at('me.key')])
  t.is(text.code, EXIT.ok, text.stderr)
  t.true(text.stdout.includes('marker-in-output') && !text.stdout.includes('marker-in-input'))
  const played = await runProgram([...ZT, 'play', sealed, '--key', at('me.key'), '--speed', '100'])
  t.is(played.stdout, 'marker-in-output\r\nproblem\n', 'no control sequence goes into a pipe')
  const verified = await runProgram([...ZT, 'verify', sealed, '--key', at('me.key')])
  t.regex(verified.stdout, /^complete: /)
  t.is(verified.code, EXIT.ok)
})

test.serial('S9: another key opens nothing, and zt says so', async (t) => {
  const { at, sealed } = await scene(t)
  const done = await runProgram([...ZT, 'export', sealed, '--key', at('stranger.key')])
  t.is(done.code, EXIT.denied)
  t.regex(done.stderr, /not a recipient/)
  t.is(done.stdout, '')
})

test.serial('S9: verify names the gateway that must have signed', async (t) => {
  const { at, sealed } = await scene(t)
  const ours = await runProgram([...ZT, 'verify', sealed, '--evidence-key', at('gateway.jwk')])
  t.regex(ours.stdout, /signed by a key that you trust/)
  t.is(ours.code, EXIT.ok)
  const other = await runProgram([...ZT, 'verify', sealed, '--evidence-key', at('other.jwk')])
  t.regex(other.stdout, /^tampered: the manifest is signed by a key that you do not trust/)
  t.is(other.code, EXIT.tampered)
  const none = await runProgram([...ZT, 'verify', sealed, '--evidence-key', at('me.key')])
  t.is(none.code, EXIT.usage)
})

test.serial(
  'S9: a file that was cut off ends with 7, one with a flipped byte with 8',
  async (t) => {
    const { at, file, sealed } = await scene(t)
    await writeFile(sealed, file.subarray(0, -4))
    const cut = await runProgram([...ZT, 'play', sealed, '--key', at('me.key'), '--speed', '100'])
    t.is(cut.code, EXIT.incomplete)
    const flipped = Uint8Array.from(file)
    flipped[file.length - 20] = (flipped[file.length - 20] ?? 0) ^ 1
    await writeFile(sealed, flipped)
    const done = await runProgram([...ZT, 'verify', sealed, '--key', at('me.key')])
    t.is(done.code, EXIT.tampered)
    t.regex(done.stdout, /^tampered: /)
  },
)

test.serial(
  'S9: a terminal is left as it was found, also when a replay is interrupted',
  async (t) => {
    const { at, sealed } = await scene(t)
    const slow = [...ZT, 'play', sealed, '--key', at('me.key'), '--speed', '0.01']
    const done = await asTerminal(slow, { interruptAfter: 'marker-in-output' })
    t.true(
      done.text.endsWith('\u001b[0m\u001b[?25h\u001b[?1049l'),
      JSON.stringify(done.text.slice(-60)),
    )
    t.is(done.code, 130)
  },
)

test.serial('S8: decrypt is another name of export', async (t) => {
  const { at, sealed } = await scene(t)
  const done = await runProgram([...ZT, 'decrypt', sealed, '--key', at('me.key')])
  t.true(done.stdout.includes('marker-in-output'), done.stderr)
})

test.serial('S8: an export goes into a new file that only its owner reads', async (t) => {
  const { at, sealed } = await scene(t)
  const argv = [...ZT, 'export', sealed, '--key', at('me.key'), '--out', at('out')]
  t.is((await runProgram([...argv, '--format', 'asciicast-v3'])).code, EXIT.ok)
  t.is((await stat(at('out'))).mode & 0o777, 0o600)
  t.regex(await readFile(at('out'), 'utf8'), /^{"version":3,/)
  const again = await runProgram(argv)
  t.is(again.code, EXIT.usage)
  t.regex(again.stderr, /exists/)
})

test.serial('S8: an export that opens nothing leaves no file behind', async (t) => {
  const { at, sealed } = await scene(t)
  const argv = [...ZT, 'export', sealed, '--key', at('stranger.key'), '--out', at('out')]
  for (const more of [[], ['--age', AGE_RECIPIENT]]) {
    t.is((await runProgram([...argv, ...more])).code, EXIT.denied)
    await t.throwsAsync(stat(at('out')), { code: 'ENOENT' })
  }
})

test.serial('S8: a typescript is two files, and has to be told where', async (t) => {
  const { at, sealed } = await scene(t)
  const argv = [...ZT, 'export', sealed, '--key', at('me.key'), '--format', 'typescript']
  const lost = await runProgram(argv)
  t.is(lost.code, EXIT.usage)
  t.regex(lost.stderr, /--out/)
  await writeFile(at('ts.timing'), 'mine')
  t.is((await runProgram([...argv, '--out', at('ts')])).code, EXIT.usage)
  await t.throwsAsync(stat(at('ts')), { code: 'ENOENT' })
  await rm(at('ts.timing'))
  t.is((await runProgram([...argv, '--out', at('ts')])).code, EXIT.ok)
  t.regex(await readFile(at('ts'), 'utf8'), /marker-in-output/)
  t.regex(await readFile(at('ts.timing'), 'utf8'), /^H 0.000000 START_TIME /)
})

test.serial('S9: an export for others is an age file that each of them opens', async (t) => {
  const { at, sealed } = await scene(t)
  const argv = [...ZT, 'export', sealed, '--key', at('me.key'), '--out', at('s.age')]
  for (const name of ['one', 'two']) {
    await runProgram(['age-keygen', '-o', at(name)])
    const { stdout } = await runProgram(['age-keygen', '-y', at(name)])
    argv.push('--age', stdout.trim())
  }
  t.is((await runProgram(argv)).code, EXIT.ok)
  t.false((await readFile(at('s.age'))).includes('marker'))
  for (const name of ['one', 'two']) {
    const opened = await runProgram(['age', '--decrypt', '-i', at(name), at('s.age')])
    t.true(opened.stdout.includes('marker-in-output'), opened.stderr)
  }
})

for (const [what, recipient] of Object.entries({
  'what is no key': 'age1x',
  'a key with a wrong checksum': 'age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwk',
  'a point of small order': 'age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z',
})) {
  test.serial(`S9: an export is not sealed to ${what}`, async (t) => {
    const { at, sealed } = await scene(t)
    const argv = [...ZT, 'export', sealed, '--key', at('me.key'), '--age', recipient]
    const done = await runProgram([...argv, '--out', at('s.age')])
    t.is(done.code, EXIT.usage)
    t.regex(done.stderr, /age1/)
    await t.throwsAsync(stat(at('s.age')), { code: 'ENOENT' })
  })
}

/** The log as a program opens it that shares no code with ours. */
async function openCloudflareLog(log: string, keyFile: string) {
  const opener = 'test/support/cloudflare_log.py'
  const opened = await runProgram(['/usr/bin/python3', opener, log, keyFile])
  if (opened.code !== 0) throw new Error(opened.stderr)
  return JSON.parse(opened.stdout)
}

test.serial(
  "S9: a log of Cloudflare's has the terminal, the end and every octet with its time",
  async (t) => {
    const { at, sealed } = await scene(t)
    const { privateKey } = generateKeyPairSync('x25519')
    const { x = '', d = '' } = privateKey.export({ format: 'jwk' })
    await writeFile(at('log.key'), Buffer.from(d, 'base64url').toString('base64'))
    const argv = [...ZT, 'export', sealed, '--key', at('me.key'), '--format', 'cloudflare']
    const to = ['--to', Buffer.from(x, 'base64url').toString('base64')]
    t.is((await runProgram([...argv, ...to, '--input', '--out', at('log')])).code, EXIT.ok)
    t.deepEqual(await openCloudflareLog(at('log'), at('log.key')), {
      meta: {
        started_at: 1_700_000_000,
        data_size: 42,
        pty: { term: 'xterm', width: 80, height: 24, modes: [] },
        exit_data: {
          timestamp: 1_700_000_001,
          status: 3,
          signal: null,
          core_dumped: false,
          error_msg: null,
        },
      },
      packets: [
        [0, 0, 30, 'marker-in-input\r'],
        [1, 0, 40, 'marker-in-output\r\n'],
        [1, 1, 1_000_050, 'problem\n'],
      ],
    })
    const nobody = await runProgram(argv)
    t.is(nobody.code, EXIT.usage)
    t.regex(nobody.stderr, /--to/)
  },
)

/** A session of the corpus, sealed; with `input`, what was typed is sealed to somebody else. */
async function typedSession(t: ExecutionContext, input: 'ours' | 'sealed to others') {
  const { at, sealed } = await scene(t)
  const corpus = JSON.parse(await readFile('test/vectors/commands.json', 'utf8'))
  const [{ frames }] = corpus.cases
  const recipient = await readRecipientKeyFile(at('me.key'))
  if (!recipient.ok) throw new Error(recipient.error.reason)
  const output = [recipient.value]
  const { file } = await makeRecording(
    { output, input: input === 'ours' ? output : [await makeRecipient()] },
    (writer) => {
      writer.event(0, { type: 'pty', channel: 0, term: 'xterm', columns: 80, rows: 24 })
      writer.event(1, { type: 'shell', channel: 0 })
      for (const [timeUs, stream, text] of frames) {
        writer.data(timeUs, 0, stream, Buffer.from(text))
      }
      writer.event(9e6, { type: 'exec', channel: 1, command: 'rm \u202e/tmp/x\u001b]0;t\u0007' })
    },
  )
  await writeFile(sealed, file)
  return [...ZT, 'commands', sealed, '--key', at('me.key')]
}

test.serial(
  'S6: commands are listed in order of time, with source, confidence and place',
  async (t) => {
    const argv = await typedSession(t, 'ours')
    const listed = await runProgram(argv)
    t.is(listed.code, EXIT.ok, listed.stderr)
    const [headings = '', ...lines] = listed.stdout.trimEnd().split('\n')
    t.deepEqual(headings.split(/\s+/), [
      ...['at', 'channel', 'offset', 'source', 'confidence', 'exit', 'command'],
    ])
    const wanted = [
      /^0\.000 +0 +0 +shell +fact +\[interactive shell\]$/,
      /^1\.\d+ +0 +\d+ +screen +medium +echo one$/,
      /^1\.\d+ +0 +\d+ +screen +medium +true$/,
      /^\d\.\d+ +0 +\d+ +screen +medium +exit$/,
      /^9\.000 +1 +0 +exec +fact +rm \\u\{202e\}\/tmp\/x\\u\{1b\}\]0;t\\u\{7\}$/,
    ]
    t.is(lines.length, wanted.length, listed.stdout)
    for (const [index, pattern] of wanted.entries()) t.regex(lines[index] ?? '', pattern)
    const json = await runProgram([...argv, '--json'])
    t.notRegex(json.stdout, /[^\n -~]/)
    t.like(JSON.parse(json.stdout)[1], { channel: 0, source: 'screen', text: 'echo one' })
  },
)

test.serial('S6: who cannot open what was typed gets facts, and is told so', async (t) => {
  const listed = await runProgram(await typedSession(t, 'sealed to others'))
  t.is(listed.code, EXIT.ok, listed.stderr)
  t.regex(listed.stderr, /does not open what was typed/)
  t.deepEqual(
    listed.stdout
      .trimEnd()
      .split('\n')
      .map((line) => /\b(shell|exec|screen|hidden)\b/.exec(line)?.[1]),
    [undefined, 'shell', 'exec'],
  )
})

test.serial(
  'S8: formats of one terminal say when there are other channels, and show the one asked for',
  async (t) => {
    const { at, sealed } = await scene(t)
    const key = await readRecipientKeyFile(at('me.key'))
    if (!key.ok) throw new Error(key.error.reason)
    const { file } = await makeRecording({ output: [key.value] }, (writer) => {
      for (const channel of [0, 1]) {
        writer.event(channel, { type: 'pty', channel, term: 'xterm', columns: 80, rows: 24 })
        writer.data(10 + channel, channel, 'output', Buffer.from(`channel-${channel}`))
      }
    })
    await writeFile(sealed, file)
    const cast = [...ZT, 'export', sealed, '--key', at('me.key'), '--format', 'asciicast']
    const first = await runProgram(cast)
    t.true(first.stdout.includes('channel-0') && !first.stdout.includes('channel-1'))
    t.regex(first.stderr, /0, 1\. Choose one with --channel/)
    const second = await runProgram([...cast, '--channel', '1'])
    t.true(second.stdout.includes('channel-1') && !second.stdout.includes('channel-0'))
    t.is(second.stderr, '')
    const played = await runProgram([
      ...ZT,
      'play',
      sealed,
      '--key',
      at('me.key'),
      '--channel',
      '1',
    ])
    t.is(played.stdout, 'channel-1')
  },
)
