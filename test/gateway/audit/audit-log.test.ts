import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import Database from 'better-sqlite3'
import { parseEntry } from '#lib/audit/audit-entry'
import { openCheckpoint } from '#lib/audit/checkpoint'
import { isConsistent, isIncluded } from '#lib/audit/merkle-proof'
import { judge, judgeProof } from '#lib/audit/witness'
import { openAuditLog } from '../../../gateway/audit/audit-log-store.ts'
import { startCheckpoints } from '../../../gateway/audit/checkpoint-job.ts'
import { openMemoryStore } from '../../../gateway/store/memory-store.ts'
import { openSqliteStore } from '../../../gateway/store/sqlite-store.ts'

function openFile(t: ExecutionContext, path: string) {
  const fail = (error: unknown) => {
    throw error
  }
  const opened = openSqliteStore({ path, now: () => 0, onWriteError: fail })
  if (!opened.ok) throw new Error(opened.error.message)
  t.teardown(() => opened.value.close())
  return opened.value
}

function freshFile(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'zt-audit-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return join(folder, 'zt.db')
}

test('S10: entries are numbered and bound to all before them, across processes on one store', (t) => {
  const path = freshFile(t)
  const logs = [openFile(t, path), openFile(t, path)].map(({ audit }) =>
    openAuditLog(audit, () => 7),
  )
  const [first, second] = logs
  if (!first || !second) throw new Error('two logs')
  first.note('gateway_started', { revision: 1 })
  const before = first.head
  for (let turn = 0; turn < 20; turn++) {
    logs[turn % 2]?.note('recording_opened', { recording: `r${turn % 3}`, turn })
  }
  t.is(second.head.size, 21)
  const proof = second.consistency(before.size, 21) ?? []
  t.true(isConsistent(before, second.head, proof))
  t.is(second.consistency(3, 22), undefined)
  const entries = [...first.lines(21)].map((line) => parseEntry(line))
  t.deepEqual(
    entries.map((entry) => entry?.sequence),
    Array.from({ length: 21 }, (_, i) => i),
  )
  const ours = first.ofRecording('r1', 21)
  t.is(ours.length, 7)
  for (const one of ours) t.true(isIncluded(one.line, one.sequence, first.head, one.proof))
})

test('S10 T68: the store itself refuses to change or remove a line', (t) => {
  const path = freshFile(t)
  openAuditLog(openFile(t, path).audit, () => 7).note('gateway_started', {})
  const db = new Database(path)
  t.teardown(() => db.close())
  t.throws(() => db.exec('DELETE FROM audit_lines'), { any: true, message: /only grows/ })
  t.throws(() => db.exec("UPDATE audit_lines SET line = '{}'"), {
    any: true,
    message: /only grows/,
  })
})

test('S10: a burst of entries is signed as one checkpoint, and a witness follows it', async (t) => {
  const log = openAuditLog(openMemoryStore().audit, () => 7)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const failed = (cause: unknown) => t.fail(String(cause))
  const checkpoints = await startCheckpoints(log, {
    evidenceKey: privateKey,
    now: () => 9,
    onFailure: failed,
  })
  t.teardown(() => checkpoints.stop())
  const open = async (text: string | undefined) => {
    const opened = await openCheckpoint(text ?? '')
    if (!opened.ok) throw new Error(opened.error.reason)
    return opened.value
  }
  const held = await open(checkpoints.latest)
  t.is(held.size, 0)
  log.note('admin_action', { action: 'one' })
  const next = new Promise<string>((resolve) => checkpoints.onSigned(resolve))
  log.note('admin_action', { action: 'two' })
  const offered = await open(await next)
  t.is(offered.size, 2)
  t.is(judge(held, offered).kind, 'ask_proof')
  t.is(judgeProof(held, offered, log.consistency(0, 2) ?? []).kind, 'accept')
  t.deepEqual(judge(offered, held), { kind: 'alarm', alarm: 'rollback' })
  const other = openAuditLog(openMemoryStore().audit, () => 7)
  for (const action of ['three', 'four', 'five']) other.note('admin_action', { action })
  const forged = { ...offered, ...other.head }
  const proof = other.consistency(2, 3) ?? []
  t.deepEqual(judgeProof(offered, forged, proof), { kind: 'alarm', alarm: 'fork' })
  t.deepEqual(judge(offered, { ...forged, size: 2 }), { kind: 'alarm', alarm: 'fork' })
  t.deepEqual(judge(offered, { ...offered, signer: 'x' }), {
    kind: 'alarm',
    alarm: 'signer_changed',
  })
})
