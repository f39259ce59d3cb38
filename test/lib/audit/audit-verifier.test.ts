import { generateKeyPairSync } from 'node:crypto'
import test from 'ava'
import fc from 'fast-check'
import { type AuditVerdict, AuditVerifier } from '#lib/audit/audit-verifier'
import { signCheckpoint } from '#lib/audit/checkpoint'
import { TreeHash } from '#lib/audit/merkle-tree'
import { type FoundRecording, findInFolder } from '#lib/audit/recording-fates'
import { openAuditLog } from '../../../gateway/audit/audit-log-store.ts'
import { evidenceSigner } from '../../../gateway/audit/evidence-signer.ts'
import { openMemoryStore } from '../../../gateway/store/memory-store.ts'

const newSigner = () =>
  evidenceSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
const signer = await newSigner()
const log = openAuditLog(openMemoryStore().audit, () => 1)
const witness: string[] = []
for (let turn = 0; turn < 12; turn++) {
  log.note('admin_action', { action: `a${turn}` })
  if (turn % 5 === 0) witness.push(await signCheckpoint({ ...log.head, atMs: 1 }, signer))
}
const lines = [...log.lines(12)]
const checkpoint = await signCheckpoint({ ...log.head, atMs: 1 }, signer)
const whole = [...lines, JSON.stringify({ checkpoint })]
const evidenceKeys = [signer.publicJwk]

async function verify(
  given: readonly string[],
  options: Partial<ConstructorParameters<typeof AuditVerifier>[0]> = {},
): Promise<AuditVerdict> {
  const verifier = new AuditVerifier({ witness: [], ...options })
  for (const line of given) {
    const verdict = await verifier.push(line)
    if (verdict) return verdict
  }
  return verifier.end()
}

const finding = (verdict: AuditVerdict) => [
  verdict.status,
  'reason' in verdict ? verdict.reason : undefined,
]

const other = await newSigner()
const forged = await signCheckpoint({ ...log.head, atMs: 1 }, other)
const shorter = openAuditLog(openMemoryStore().audit, () => 1)
for (const action of ['a0', 'other']) shorter.note('admin_action', { action })
const rewritten = [
  ...shorter.lines(2),
  JSON.stringify({ checkpoint: await signCheckpoint({ ...shorter.head, atMs: 1 }, signer) }),
]
const first = lines[0] ?? ''

test('S10: a whole log is consistent; only a witness can speak for its tail', async (t) => {
  const alone = await verify(whole)
  t.like(alone, { status: 'consistent', entries: 12, witnessed: 0, pinned: false })
  const seen = await verify(whole, { witness, evidenceKeys })
  t.like(seen, { status: 'consistent', witnessed: 11, pinned: true })
})

const changes: Record<string, [readonly string[], string, string]> = {
  'a deleted entry': [whole.toSpliced(3, 1), 'tampered', 'out_of_order'],
  'two entries swapped': [
    whole.with(3, lines[4] ?? '').with(4, lines[3] ?? ''),
    'tampered',
    'out_of_order',
  ],
  'a repeated entry': [whole.toSpliced(3, 0, lines[2] ?? ''), 'tampered', 'out_of_order'],
  'a changed entry': [whole.with(0, first.replace('a0', 'b0')), 'tampered', 'witness_differs'],
  'another spelling': [whole.with(0, ` ${first}`), 'tampered', 'bad_entry'],
  'a cut tail that a witness saw': [lines.slice(0, 8), 'tampered', 'shorter_than_witness'],
  'a missing checkpoint': [lines, 'incomplete', 'no_checkpoint'],
  'a checkpoint of somebody else': [
    [...lines, JSON.stringify({ checkpoint: forged })],
    'tampered',
    'unknown_signer',
  ],
  'a checkpoint that is none': [[...lines, '{"checkpoint":"x"}'], 'tampered', 'bad_checkpoint'],
  'something after the checkpoint': [[...whole, first], 'tampered', 'out_of_order'],
  'a log that the gateway itself rewrote': [rewritten, 'tampered', 'shorter_than_witness'],
  nothing: [[], 'tampered', 'shorter_than_witness'],
}
for (const [title, [given, status, reason]] of Object.entries(changes)) {
  test(`S10 T68: finds ${title}`, async (t) => {
    t.deepEqual(finding(await verify(given, { witness, evidenceKeys })), [status, reason])
  })
}

test('S10: without a witness the checkpoint still binds every entry', async (t) => {
  const changed = whole.with(0, first.replace('a0', 'b0'))
  t.deepEqual(finding(await verify(changed)), ['tampered', 'checkpoint_differs'])
  const short = [...lines.slice(0, 8), whole.at(-1) ?? '']
  t.deepEqual(finding(await verify(short)), ['tampered', 'checkpoint_differs'])
})

test('S10: a hash read once is the hash that is kept', (t) => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 3 }), { maxLength: 40 }), (some) => {
      const audit = openAuditLog(openMemoryStore().audit, () => 1)
      const tree = new TreeHash()
      for (const action of some) audit.note('admin_action', { action })
      for (const line of audit.lines(some.length)) tree.add(line)
      return tree.root === audit.head.root && tree.size === some.length
    }),
    { numRuns: 50 },
  )
  t.is(new TreeHash().size, 0)
})

test('S10: a folder is held against the log', async (t) => {
  const about = openAuditLog(openMemoryStore().audit, () => 1)
  const opened = ['whole', 'gone', 'other', 'bare', 'cut', 'shredded', 'still', 'failed', 'live']
  for (const recording of opened) about.note('recording_opened', { recording })
  for (const recording of ['whole', 'gone', 'other', 'bare', 'cut', 'shredded', 'still']) {
    about.note('recording_closed', { recording, manifestSha256: 'aa' })
  }
  about.note('recording_shredded', { recording: 'shredded' })
  about.note('recording_expired', { recording: 'still' })
  about.note('recording_failed', { recording: 'failed' })
  const verifier = new AuditVerifier({ witness: [] })
  for (const line of about.lines(about.head.size)) await verifier.push(line)
  const fine = {
    status: 'complete',
    chunks: 1,
    bytes: 1,
    opened: [],
    tail: 'not_provable',
  } as const
  const bad = { ...fine, status: 'tampered', reason: 'truncated' } as const
  const entry = (id: string, change: Partial<FoundRecording> = {}) =>
    [id, { id, verdict: fine, manifestSha256: 'aa', ...change }] as const
  const { manifestSha256: _, ...bare } = entry('bare')[1]
  const { verdict: __, ...shredded } = entry('shredded')[1]
  const found = new Map<string, FoundRecording>([
    ...[entry('whole'), entry('other', { manifestSha256: 'bb' }), entry('cut', { verdict: bad })],
    ...[entry('still'), entry('unknown'), entry('live')],
    ['bare', bare],
    ['shredded', shredded],
  ])
  t.deepEqual(findInFolder(verifier.fates, found), [
    { id: 'gone', reason: 'recording_missing' },
    { id: 'other', reason: 'manifest_differs' },
    { id: 'bare', reason: 'manifest_missing' },
    { id: 'cut', reason: 'recording_tampered' },
    { id: 'still', reason: 'recording_not_erased' },
    { id: 'unknown', reason: 'recording_not_audited' },
  ])
})

test('S9 S10: an erased recording is held against the log and against what the gateway signed', async (t) => {
  const gone = ['clean', 'mute', 'bare', 'forged', 'other', 'unsigned', 'early', 'failing']
  const about = openAuditLog(openMemoryStore().audit, () => 7)
  for (const recording of gone) {
    about.note('recording_opened', { recording })
    about.note('recording_closed', { recording, manifestSha256: 'aa' })
    if (recording === 'early') continue
    about.note('recording_shredded', { recording, reason: 'case 7', source: '192.0.2.1' })
  }
  about.note('recording_not_erased', { recording: 'failing', reason: 'write_failed' })
  const verifier = new AuditVerifier({ witness: [] })
  for (const line of about.lines(about.head.size)) await verifier.push(line)
  const erasure = { session: '', how: 'shredded', reason: 'case 7', atMs: 7 } as const
  const entry = (id: string, change: Partial<FoundRecording> = {}) => {
    const manifestSha256 = 'aa'
    return [id, { id, manifestSha256, erasure: { ...erasure, manifestSha256 }, ...change }] as const
  }
  const found = new Map<string, FoundRecording>([
    ...[entry('clean'), entry('forged', { isManifestForged: true }), entry('early')],
    ...[entry('other', { erasure }), entry('unsigned', { erasure: 'invalid' }), entry('failing')],
    ['mute', { id: 'mute', manifestSha256: 'aa' }],
    ['bare', { id: 'bare', erasure: { ...erasure, manifestSha256: 'aa' } }],
  ])
  t.deepEqual(findInFolder(verifier.fates, found), [
    { id: 'bare', reason: 'manifest_missing' },
    { id: 'forged', reason: 'manifest_forged' },
    { id: 'other', reason: 'erasure_invalid' },
    { id: 'unsigned', reason: 'erasure_invalid' },
    { id: 'early', reason: 'erasure_not_audited' },
    { id: 'failing', reason: 'erasure_not_audited' },
  ])
  t.deepEqual(verifier.fates.get('clean')?.erased, {
    ...{ how: 'shredded', atMs: 7, reason: 'case 7', source: '192.0.2.1' },
  })
})
