import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { signCheckpoint } from '#lib/audit/checkpoint'
import { err, ok } from '#lib/result'
import { statusText } from '../../../cli/render.ts'
import { startWitness, type WitnessOptions } from '../../../daemon/witness/witness-job.ts'
import { witnessStoreIn } from '../../../daemon/witness/witness-store.ts'
import { type AuditLog, openAuditLog } from '../../../gateway/audit/audit-log-store.ts'
import { evidenceSigner } from '../../../gateway/audit/evidence-signer.ts'
import { openMemoryStore } from '../../../gateway/store/memory-store.ts'
import { registrationOf, startDaemonRig, startGatewayFor } from '../../support/daemon-rig.ts'
import { memoryLog } from '../../support/tunnel.ts'

const newSigner = () => {
  return evidenceSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
}
const signer = await newSigner()

function freshFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'zt-witness-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return folder
}

function logOf(...actions: readonly string[]): AuditLog {
  const log = openAuditLog(openMemoryStore().audit, () => 1)
  for (const action of actions) log.note('admin_action', { action })
  return log
}

const checkpointOf = (log: AuditLog, by = signer) => signCheckpoint({ ...log.head, atMs: 5 }, by)

function start(folder: string, log: AuditLog, change: Partial<WitnessOptions> = {}) {
  const ask: WitnessOptions['ask'] = async (from, to) => {
    const proof = log.consistency(from, to)
    return proof === undefined ? err({ reason: 'no_such_size' }) : ok(proof)
  }
  const store = witnessStoreIn(folder)
  return startWitness({ store, ask, log: memoryLog(), now: () => 9, ...change })
}

test('S10: a witness follows a log that grows, and goes on after a restart', async (t) => {
  const folder = freshFolder(t)
  const log = logOf('one')
  const first = await start(folder, log)
  t.is(first.status, undefined)
  first.offer(await checkpointOf(log))
  for (const action of ['two', 'three']) log.note('admin_action', { action })
  first.offer(await checkpointOf(log))
  await first.settled
  t.deepEqual(first.status, { size: 3, atMs: 5 })
  log.note('admin_action', { action: 'four' })
  const second = await start(folder, log)
  t.deepEqual(second.status, { size: 3, atMs: 5 })
  second.offer(await checkpointOf(log))
  await second.settled
  t.deepEqual(second.status, { size: 4, atMs: 5 })
  t.is(readFileSync(join(folder, 'witness.jws'), 'utf8').trim().split('\n').length, 3)
  t.is(statSync(join(folder, 'witness.jws')).mode & 0o777, 0o600)
})

test('S10 T68: a line that was torn does not make a witness trust anew', async (t) => {
  const folder = freshFolder(t)
  const whole = await checkpointOf(logOf('one', 'two', 'three'))
  writeFileSync(join(folder, 'witness.jws'), `${whole}\n${whole.slice(0, 40)}\n`)
  const shorter = logOf('one')
  const witness = await start(folder, shorter)
  t.like(witness.status, { size: 3 })
  witness.offer(await checkpointOf(shorter))
  await witness.settled
  t.like(witness.status, { size: 3, alarm: { reason: 'rollback' } })
})

const lies: Record<string, [() => Promise<string>, AuditLog, string]> = {
  'a shorter log': [() => checkpointOf(logOf('one')), logOf('one'), 'rollback'],
  'another log of the same length': [
    () => checkpointOf(logOf('one', 'other')),
    logOf('one', 'other'),
    'fork',
  ],
  'a longer log with another beginning': [
    () => checkpointOf(logOf('other', 'two', 'three')),
    logOf('other', 'two', 'three'),
    'fork',
  ],
  'a longer log that is not shown': [
    () => checkpointOf(logOf('one', 'two', 'three')),
    logOf(),
    'unproven',
  ],
  'another signer': [
    async () => checkpointOf(logOf('one', 'two', 'three'), await newSigner()),
    logOf('one', 'two', 'three'),
    'signer_changed',
  ],
}
for (const [title, [lie, log, alarm]] of Object.entries(lies)) {
  test(`S10 T68: a witness raises an alarm for ${title}, and keeps what proves it`, async (t) => {
    const folder = freshFolder(t)
    const witness = await start(folder, log)
    const honest = await checkpointOf(logOf('one', 'two'))
    witness.offer(honest)
    const offered = await lie()
    witness.offer(offered)
    witness.offer(honest)
    await witness.settled
    t.deepEqual(witness.status?.alarm, { reason: alarm, atMs: 9 })
    t.deepEqual(JSON.parse(readFileSync(join(folder, 'witness-alarm.json'), 'utf8')), {
      ...{ alarm, atMs: 9, held: honest, offered },
    })
    t.is((await start(folder, log)).status?.alarm?.reason, alarm)
    witnessStoreIn(folder).forget()
    t.deepEqual(readdirSync(folder), [])
  })
}

test('S10: what is no checkpoint, and a gateway that is away, are no alarm', async (t) => {
  const log = logOf('one', 'two', 'three')
  const ask = async () => err({ reason: 'timeout' })
  const witness = await start(freshFolder(t), log, { ask })
  witness.offer('not a checkpoint')
  witness.offer(await checkpointOf(logOf('one')))
  witness.offer(await checkpointOf(log))
  await witness.settled
  t.deepEqual(witness.status, { size: 1, atMs: 5 })
})

test('S10: the daemon hears checkpoints through the tunnel, asks for proofs, and shows an alarm', async (t) => {
  const log = logOf('one')
  const gateway = await startGatewayFor(
    t,
    1,
    {},
    {
      checkpoint: () => latest,
      auditProof: log.consistency,
    },
  )
  let latest = await checkpointOf(log)
  const device = await gateway.enrol()
  const { until } = await startDaemonRig(t, { registration: registrationOf(gateway, device) })
  await until(({ auditLog }) => auditLog?.entries === 1)
  log.note('admin_action', { action: 'two' })
  latest = await checkpointOf(log)
  gateway.control.pushCheckpoint(latest)
  await until(({ auditLog }) => auditLog?.entries === 2)
  gateway.control.pushCheckpoint(await checkpointOf(logOf('forged')))
  const status = await until(({ auditLog }) => auditLog?.alarm !== undefined)
  t.is(status.auditLog?.alarm?.reason, 'rollback')
  t.regex(statusText(status), /AUDIT LOG.*rollback/)
})
