import { mkdtemp, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { signCheckpoint } from '#lib/audit/checkpoint'
import { EXIT } from '../../../cli/cli-io.ts'
import { openAuditLog } from '../../../gateway/audit/audit-log-store.ts'
import { evidenceSigner } from '../../../gateway/audit/evidence-signer.ts'
import { openMemoryStore } from '../../../gateway/store/memory-store.ts'
import { openSampleStore, sampleSubject } from '../../support/recording-store.ts'
import { runProgram } from '../../support/run-program.ts'

const ZT = [process.execPath, 'dist/cli/main.js', 'verify']

/** Three recorded sessions, the log about them, what a witness saw after the second, and the key. */
async function scene(t: ExecutionContext) {
  const root = await mkdtemp(join(tmpdir(), 'zt-verify-'))
  t.teardown(() => rm(root, { recursive: true }))
  const at = (name: string) => join(root, name)
  const audit = openAuditLog(openMemoryStore().audit, () => 1)
  const { store, evidenceKey, evidenceJwk } = await openSampleStore(at('recordings'), { audit })
  const signer = await evidenceSigner(evidenceKey)
  const checkpoint = () => signCheckpoint({ ...audit.head, atMs: 1 }, signer)
  for (const id of ['session-1', 'session-2', 'session-3']) {
    const opened = await store.open(sampleSubject(id))
    if (!opened.ok) throw new Error(opened.error.reason)
    opened.value.data(0, 'output', Buffer.from(`output of ${id}`))
    await opened.value.close({ reason: 'closed', endedAtMs: 2 })
    if (id === 'session-2') await writeFile(at('witness.jws'), `${await checkpoint()}\n`)
  }
  const lines = [
    ...audit.lines(audit.head.size),
    JSON.stringify({ checkpoint: await checkpoint() }),
  ]
  const save = (some: readonly string[]) => writeFile(at('audit.jsonl'), `${some.join('\n')}\n`)
  await save(lines)
  await writeFile(at('evidence.jwk'), JSON.stringify(evidenceJwk))
  const verify = (...more: readonly string[]) =>
    runProgram([...ZT, at('recordings'), '--audit', at('audit.jsonl'), ...more])
  const all = ['--witness', at('witness.jws'), '--evidence-key', at('evidence.jwk')]
  return { at, lines, save, verify, all, file: (id: string) => at(`recordings/${id}.ztrec`) }
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
