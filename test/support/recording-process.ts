/**
 * Records into the folder argv[2] for the recipient argv[3] with the evidence key argv[4] (PEM) and the store argv[5] until
 * it is killed.
 * Prints one line when it has recorded something and sealed it.
 */
import { createPrivateKey } from 'node:crypto'
import { watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { parseRecipient } from '#lib/seal/recipient-key'
import { openAuditLog } from '../../gateway/audit/audit-log-store.ts'
import { openRecordingStore } from '../../gateway/recording/recording-store.ts'
import { openSqliteStore } from '../../gateway/store/sqlite-store.ts'
import { SILENT, sampleSubject } from './recording-store.ts'

const [directory = '', line = '', keyFile = '', database = ''] = process.argv.slice(2)
const data = openSqliteStore({ path: database, now: Date.now, onWriteError: () => {} })
if (!data.ok) throw new Error(data.error.message)
const recipient = await parseRecipient(line)
if (!recipient.ok) throw new Error(recipient.error.reason)
const store = await openRecordingStore({
  directory,
  recipients: () => ({ output: [recipient.value] }),
  evidenceKey: createPrivateKey(await readFile(keyFile, 'utf8')),
  rows: data.value.recordings,
  audit: openAuditLog(data.value.audit, Date.now),
  freeSpaceReserveBytes: 0,
  log: SILENT,
})
const opened = await store.open(sampleSubject('killed-session'))
if (!opened.ok) throw new Error(opened.error.reason)
opened.value.event({ type: 'exec', channel: 0, command: 'sleep 1000' })
opened.value.data(0, 'output', Buffer.from('before the kill'))
const path = `${directory}/killed-session.ztrec`
const before = (await readFile(path)).length
watch(directory, async () => {
  if ((await readFile(path)).length > before) process.stdout.write('sealed\n')
})
setInterval(() => opened.value.data(0, 'output', Buffer.from('.')), 5)
