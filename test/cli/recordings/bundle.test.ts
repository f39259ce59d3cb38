import { generateKeyPairSync } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { Command } from 'commander'
import { signCheckpoint } from '#lib/audit/checkpoint'
import { BundleVerifier } from '#lib/evidence/bundle-verifier'
import { TAR_END, TarReader, tarMember } from '#lib/evidence/tar'
import { ok } from '#lib/result'
import { printPublicKeyLine } from '#lib/ssh/public-key-line'
import { signerFor } from '#lib/ssh/signature'
import { EXIT } from '../../../cli/cli-io.ts'
import { addBundle } from '../../../cli/commands/recording-bundle.ts'
import type { Io } from '../../../cli/commands/recording-io.ts'
import { recordingIo } from '../../../cli/recordings/terminal-os.ts'
import { openAuditLog } from '../../../gateway/audit/audit-log-store.ts'
import { evidenceSigner } from '../../../gateway/audit/evidence-signer.ts'
import { mintTargetCredential } from '../../../gateway/ssh/login/ca.ts'
import { openMemoryStore } from '../../../gateway/store/memory-store.ts'
import { addPerson, startAdminRig } from '../../support/admin-rig.ts'
import { openSampleStore, sampleSubject } from '../../support/recording-store.ts'
import { runProgram } from '../../support/run-program.ts'
import { sampleFacts } from '../../support/sample-facts.ts'

const ZT = [process.execPath, 'dist/cli/main.js', 'verify']

async function certificateFor(sessionId: string) {
  const minted = await mintTargetCredential({
    authority: signerFor(generateKeyPairSync('ed25519').privateKey),
    ...{ userEmail: 'alice@example.com', sessionId, unixUser: 'demo', extensions: [] },
    nowSeconds: 1_700_000_000,
  })
  if (!minted.ok) throw new Error(minted.error.reason)
  const { certificate, serial } = minted.value
  return { certificate: printPublicKeyLine(certificate), certificateSerial: serial.toString() }
}

/** Two recorded sessions at a gateway, and the command that makes a bundle of one. */
async function scene(t: ExecutionContext) {
  const root = await mkdtemp(join(tmpdir(), 'zt-bundle-'))
  t.teardown(() => rm(root, { recursive: true }))
  const at = (name: string) => join(root, name)
  const store = openMemoryStore()
  const deviceId = addPerson(store, 'alice')
  const audit = openAuditLog(store.audit, () => 1)
  const rows = store.recordings
  const made = await openSampleStore(at('recordings'), { rows, audit })
  for (const id of ['session-1', 'session-2']) {
    const about = { ...sampleSubject(id), deviceId, flowId: `flow of ${id}` }
    const opened = await made.store.open({ ...about, ...(await certificateFor(id)) })
    if (!opened.ok) throw new Error(opened.error.reason)
    opened.value.data(0, 'output', Buffer.from(`output of ${id}`))
    await opened.value.close({ reason: 'closed', endedAtMs: 2 })
    const times = { openedAtMs: 1, closedAtMs: 2, facts: sampleFacts() }
    store.flows.put({ id: `flow of ${id}`, state: 'closed', ...times, sessionId: id })
  }
  const signer = await evidenceSigner(made.evidenceKey)
  const rig = await startAdminRig(t, {
    change: {
      ...{ store, audit, recordingsDir: at('recordings') },
      signCheckpoint: () => signCheckpoint({ ...audit.head, atMs: 3 }, signer),
      evidenceSigner: async () => signer,
    },
  })
  const admin = {
    getJson: async (path: string) => ok((await rig.get(path)).json),
    getBytes: async (path: string) => {
      const id = path.split('/')[4]
      return ok(createReadStream(at(`recordings/${id}.ztrec`)))
    },
  }
  const io = { ...recordingIo, warn: (line: string) => t.log(line), admin } as unknown as Io
  const bundle = async (id: string, out: string): Promise<number> => {
    let code = -1
    const program = new Command()
    addBundle(program, io, async (action) => {
      code = await action()
    })
    await program.parseAsync(['node', 'zt', 'bundle', id, '--out', at(out)])
    return code
  }
  await writeFile(at('evidence.jwk'), JSON.stringify(made.evidenceJwk))
  const verify = (name: string, ...more: readonly string[]) =>
    runProgram([...ZT, at(name), '--evidence-key', at('evidence.jwk'), ...more])
  return { at, bundle, verify, audit }
}

function membersOf(file: Uint8Array): Map<string, Buffer> {
  const members = new Map<string, Buffer>()
  for (const { name, bytes } of new TarReader().push(file) ?? []) {
    members.set(name, Buffer.concat([members.get(name) ?? Buffer.alloc(0), bytes]))
  }
  return members
}

function pack(members: ReadonlyMap<string, Uint8Array>): Buffer {
  const parts = [...members].map(([name, content]) => tarMember(name, content))
  return Buffer.concat([...parts, TAR_END])
}

test('S10: a bundle holds a session with all that vouches for it, and is verified off line', async (t) => {
  const { at, bundle, verify, audit } = await scene(t)
  t.is(await bundle('session-1', 'one.tar'), EXIT.ok)
  t.is((await stat(at('one.tar'))).mode & 0o777, 0o600)
  const done = await verify('one.tar')
  t.is(done.code, EXIT.ok, done.stdout + done.stderr)
  t.regex(done.stdout, /^complete: session session-1: decision, identity, certificate, audit/)
  t.regex(done.stdout, /signed by a key that you trust/)
  const members = membersOf(await readFile(at('one.tar')))
  t.deepEqual(
    [...members.keys()],
    [
      ...['readme.txt', 'index.jws', 'decision.json', 'identity.json', 'certificate.pub'],
      ...['audit.jsonl', 'checkpoint.jws', 'recording.ztrec.manifest', 'recording.ztrec'],
    ],
  )
  t.regex(String(members.get('identity.json')), /alice@example.com/)
  t.regex(String(members.get('audit.jsonl')), /recording_exported/)
  t.deepEqual(pack(members), await readFile(at('one.tar')), 'the same members, the same octets')
  t.true([...audit.lines(audit.head.size)].some((line) => line.includes('recording_exported')))
})

test('S10 T63: every member of a bundle is bound; another session is not taken for it', async (t) => {
  const { at, bundle, verify } = await scene(t)
  await bundle('session-1', 'one.tar')
  await bundle('session-2', 'two.tar')
  const one = membersOf(await readFile(at('one.tar')))
  const two = membersOf(await readFile(at('two.tar')))
  const flip = (content: Buffer) => {
    const changed = Buffer.from(content)
    const place = changed.length >> 1
    changed.writeUInt8(changed.readUInt8(place) ^ 1, place)
    return changed
  }
  const from = (other: ReadonlyMap<string, Buffer>, ...names: readonly string[]) =>
    new Map(
      [...one].map(([name, content]) => [
        name,
        names.includes(name) ? (other.get(name) ?? content) : content,
      ]),
    )
  const flipped = (name: string) =>
    new Map([...one].map(([key, content]) => [key, key === name ? flip(content) : content]))
  const without = (name: string) => new Map([...one].filter(([key]) => key !== name))
  const changes: readonly (readonly [Map<string, Buffer>, RegExp])[] = [
    [flipped('index.jws'), /bad_index/],
    ...[...one.keys()]
      .filter((name) => !['index.jws', 'readme.txt', 'recording.ztrec'].includes(name))
      .map((name) => [flipped(name), /member_differs/] as const),
    [flipped('recording.ztrec'), /recording_tampered/],
    [without('decision.json'), /member_missing/],
    [without('certificate.pub'), /member_missing/],
    [without('recording.ztrec'), /member_missing/],
    [from(two, 'recording.ztrec'), /recording_tampered/],
    [from(two, 'recording.ztrec', 'recording.ztrec.manifest'), /member_differs/],
    [new Map([...one, ['extra', Buffer.from('x')]]), /not_a_bundle/],
  ]
  for (const [members, reason] of changes) {
    await writeFile(at('changed.tar'), pack(members))
    const done = await verify('changed.tar', '--json')
    t.is(done.code, EXIT.tampered, String(reason))
    t.regex(done.stdout, reason)
  }
  await writeFile(at('changed.tar'), (await readFile(at('one.tar'))).subarray(0, -512))
  t.regex((await verify('changed.tar', '--json')).stdout, /not_a_bundle/)
})

test('S10: a member that is there twice, or is none of ours, ends the reading', async (t) => {
  const { at, bundle } = await scene(t)
  await bundle('session-1', 'one.tar')
  const members = membersOf(await readFile(at('one.tar')))
  const recording = members.get('recording.ztrec') ?? Buffer.alloc(0)
  const before = pack(new Map([...members].filter(([name]) => name !== 'recording.ztrec')))
  const split = Buffer.concat([
    before.subarray(0, -TAR_END.length),
    tarMember('recording.ztrec', recording.subarray(0, 600)),
    tarMember('recording.ztrec', recording.subarray(600)),
    TAR_END,
  ])
  const twice = new BundleVerifier({})
  await twice.push(split)
  t.like(await twice.end(), { status: 'tampered', reason: 'not_a_bundle' })
  // Nothing is kept of what no bundle has, however much of it comes.
  const foreign = new BundleVerifier({})
  t.like(await foreign.push(tarMember('foreign', Buffer.alloc(1024))), {
    ...{ status: 'tampered', reason: 'not_a_bundle', member: 'foreign' },
  })
})
