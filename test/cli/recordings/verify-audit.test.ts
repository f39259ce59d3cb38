import { mkdtemp, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { signCheckpoint } from '#lib/audit/checkpoint'
import { EXIT } from '../../../cli/cli-io.ts'
import { openAuditLog } from '../../../gateway/audit/audit-log-store.ts'
import { evidenceSigner } from '../../../gateway/audit/evidence-signer.ts'
import { openKeeping } from '../../../gateway/recording/keeping-store.ts'
import { RecordingFolder } from '../../../gateway/recording/recording-folder-store.ts'
import { openMemoryStore } from '../../../gateway/store/memory-store.ts'
import { openSampleStore, SILENT, sampleSubject } from '../../support/recording-store.ts'
import { runProgram } from '../../support/run-program.ts'

const ZT = [process.execPath, 'dist/cli/main.js', 'verify']

/** Three recorded sessions, the log about them, what a witness saw after the second, and the key. */
async function scene(t: ExecutionContext) {
  const root = await mkdtemp(join(tmpdir(), 'zt-verify-'))
  t.teardown(() => rm(root, { recursive: true }))
  const at = (name: string) => join(root, name)
  const audit = openAuditLog(openMemoryStore().audit, () => 1)
  const { recordings: rows } = openMemoryStore()
  const { store, evidenceKey, evidenceJwk } = await openSampleStore(at('recordings'), {
    ...{ audit, rows },
  })
  const signer = await evidenceSigner(evidenceKey)
  const checkpoint = () => signCheckpoint({ ...audit.head, atMs: 1 }, signer)
  for (const id of ['session-1', 'session-2', 'session-3']) {
    const opened = await store.open(sampleSubject(id))
    if (!opened.ok) throw new Error(opened.error.reason)
    opened.value.data(0, 'output', Buffer.from(`output of ${id}`))
    await opened.value.close({ reason: 'closed', endedAtMs: 2 })
    if (id === 'session-2') await writeFile(at('witness.jws'), `${await checkpoint()}\n`)
  }
  const written = async () => [
    ...audit.lines(audit.head.size),
    JSON.stringify({ checkpoint: await checkpoint() }),
  ]
  const save = (some: readonly string[]) => writeFile(at('audit.jsonl'), `${some.join('\n')}\n`)
  const lines = await written()
  await save(lines)
  const folder = await RecordingFolder.open(at('recordings'))
  const keeping = openKeeping({ folder, rows, audit, signer, log: SILENT, now: () => 5 })
  async function shred(id: string): Promise<void> {
    await keeping.shred(id, { reason: 'case 7', source: '192.0.2.1' })
    await save(await written())
  }
  await writeFile(at('evidence.jwk'), JSON.stringify(evidenceJwk))
  const verify = (...more: readonly string[]) =>
    runProgram([...ZT, at('recordings'), '--audit', at('audit.jsonl'), ...more])
  const all = ['--witness', at('witness.jws'), '--evidence-key', at('evidence.jwk')]
  return { at, lines, save, verify, all, shred, file: (id: string) => at(`recordings/${id}.ztrec`) }
}

test('S10: zt verify vouches for a log and its recordings, and says what it cannot prove', async (t) => {
  const { at, verify, all } = await scene(t)
  const alone = await verify()
  t.is(alone.code, EXIT.ok, alone.stderr)
  t.regex(alone.stdout, /^consistent: 6 entries, tail not provable/)
  const seen = await verify(...all)
  t.is(seen.code, EXIT.ok)
  t.regex(seen.stdout, /entries 0 to 3 are as witnesses saw them; the tail .* not provable/)
  t.regex(seen.stdout, /a key that you trust/)
  t.regex(seen.stdout, /3 recordings: every one as the log says/)
  const kept = await readFile(at('witness.jws'), 'utf8')
  await writeFile(at('witness.jws'), kept.trimEnd())
  t.is((await verify(...all)).stdout, seen.stdout, 'a last line without a line feed counts')
})

test('S10 T63 T68: zt verify finds a missing session, a cut file, a swap and a rewritten log', async (t) => {
  const { at, verify, all, file, lines, save } = await scene(t)
  await rename(file('session-1'), `${file('session-1')}.away`)
  const missing = await verify(...all)
  t.is(missing.code, EXIT.tampered)
  t.regex(missing.stdout, /^session-1: the recording is missing$/m)
  await rename(`${file('session-1')}.away`, file('session-1'))

  const bytes = await readFile(file('session-2'))
  await writeFile(file('session-2'), bytes.subarray(0, -10))
  t.regex((await verify(...all)).stdout, /^session-2: the recording was tampered with$/m)
  await writeFile(file('session-2'), await readFile(file('session-3')))
  t.regex((await verify(...all)).stdout, /^session-2: the recording was tampered with$/m)
  await writeFile(`${file('session-2')}.manifest`, await readFile(`${file('session-3')}.manifest`))
  const swapped = await verify(...all)
  t.regex(swapped.stdout, /^session-2: the manifest is not the one/m, swapped.stderr)
  await unlink(`${file('session-2')}.manifest`)
  t.regex((await verify(...all)).stdout, /^session-2: the manifest is missing$/m)

  await save(lines.toSpliced(2, 1))
  const cut = await verify(...all)
  t.is(cut.code, EXIT.tampered)
  t.regex(cut.stdout, /^tampered: an entry is missing, repeated or moved \(entry 2\)/)
  await save(lines.slice(0, -1))
  t.regex((await verify()).stdout, /^incomplete: /)
  t.is((await verify('--witness', 'nowhere')).code, EXIT.usage)
  await writeFile(at('emptied.jws'), '\n')
  const emptied = await verify('--witness', at('emptied.jws'))
  t.is(emptied.code, EXIT.usage, 'a witness that saw nothing vouches for nothing')
  t.regex(emptied.stderr, /emptied\.jws has no checkpoint/)
})

test('S9 S10: zt verify tells of erased recordings, and believes only what the gateway signed', async (t) => {
  const { verify, all, file, shred } = await scene(t)
  await shred('session-1')
  const gone = await verify(...all)
  t.is(gone.code, EXIT.ok, gone.stdout + gone.stderr)
  t.regex(
    gone.stdout,
    /^session-1: shredded 1970-01-01T00:00:00.001Z, ordered from 192.0.2.1: case 7$/m,
  )
  t.regex(gone.stdout, /3 recordings: every one as the log says/)
  const json = JSON.parse((await verify(...all, '--json')).stdout)
  t.like(json.erased, [{ id: 'session-1', how: 'shredded', reason: 'case 7' }])

  const statement = await readFile(`${file('session-1')}.erased`, 'utf8')
  const [head, payload] = statement.split('.')
  await writeFile(`${file('session-1')}.erased`, `${head}.${payload}.${'A'.repeat(86)}`)
  const forged = await verify(...all)
  t.is(forged.code, EXIT.tampered)
  t.regex(forged.stdout, /^session-1: .* not the word of the gateway/m)
  await writeFile(`${file('session-2')}.erased`, statement)
  t.regex((await verify(...all)).stdout, /^session-2: .* not the word of the gateway/m)
  await unlink(`${file('session-2')}.erased`)
  await writeFile(`${file('session-1')}.erased`, statement)
  t.is((await verify(...all)).code, EXIT.ok)

  const manifest = await readFile(`${file('session-1')}.manifest`, 'utf8')
  await writeFile(`${file('session-1')}.manifest`, `${manifest.slice(0, -86)}${'A'.repeat(86)}`)
  t.regex((await verify(...all)).stdout, /^session-1: the manifest is not signed/m)
})
