import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { EXIT } from '../../../cli/cli-io.ts'
import {
  createRecipientKeyFile,
  readRecipientKeyFile,
} from '../../../cli/recordings/recording-file-store.ts'
import { makeRecording, shortSession, sign } from '../../support/recording-sample.ts'
import { asTerminal, runProgram } from '../../support/run-program.ts'

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

test('S9: decrypt, play and verify a file with the right key', async (t) => {
  const { at, sealed } = await scene(t)
  const text = await runProgram([...ZT, 'decrypt', sealed, '--key', at('me.key')])
  t.is(text.code, EXIT.ok, text.stderr)
  t.true(text.stdout.includes('marker-in-output') && !text.stdout.includes('marker-in-input'))
  const played = await runProgram([...ZT, 'play', sealed, '--key', at('me.key'), '--speed', '100'])
  t.is(played.stdout, 'marker-in-output\r\nproblem\n', 'no control sequence goes into a pipe')
  const verified = await runProgram([...ZT, 'verify', sealed, '--key', at('me.key')])
  t.regex(verified.stdout, /^complete: /)
  t.is(verified.code, EXIT.ok)
})

test('S9: another key opens nothing, and zt says so', async (t) => {
  const { at, sealed } = await scene(t)
  const done = await runProgram([...ZT, 'decrypt', sealed, '--key', at('stranger.key')])
  t.is(done.code, EXIT.denied)
  t.regex(done.stderr, /not a recipient/)
  t.is(done.stdout, '')
})

test('S9: verify names the gateway that must have signed', async (t) => {
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

test('S9: a file that was cut off ends with 7, one with a flipped byte with 8', async (t) => {
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
})

test('S9: a terminal is left as it was found, also when a replay is interrupted', async (t) => {
  const { at, sealed } = await scene(t)
  const slow = [...ZT, 'play', sealed, '--key', at('me.key'), '--speed', '0.01']
  const done = await asTerminal(slow, { interruptAfter: 'marker-in-output' })
  t.true(
    done.text.endsWith('\u001b[0m\u001b[?25h\u001b[?1049l'),
    JSON.stringify(done.text.slice(-60)),
  )
  t.is(done.code, 130)
})
