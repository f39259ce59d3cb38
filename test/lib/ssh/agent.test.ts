import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { addToAgent, listAgentKeys, signByAgent } from '#lib/ssh/agent-client'
import {
  isSuccess,
  readIdentities,
  readSignature,
  writeAddCertificate,
} from '#lib/ssh/agent-message'
import { parseCertificate } from '#lib/ssh/certificate'
import { mintCertificate, randomSerial } from '#lib/ssh/certificate-mint'
import { parsePublicKey } from '#lib/ssh/public-key'
import { SshReader } from '#lib/ssh/reader'
import { signerFor, verifySignature } from '#lib/ssh/signature'
import { startSshAgent } from '../../support/ssh-agent.ts'
import { KeyFolder } from '../../support/ssh-keygen.ts'

const authority = signerFor(generateKeyPairSync('ed25519').privateKey)
const DATA = Buffer.from('to be signed')

function certificateFor(key: KeyObject): Buffer {
  const now = Math.floor(Date.now() / 1000)
  return mintCertificate({
    subject: signerFor(key).blob,
    ...{ authority, kind: 'user', keyId: 'k', principals: ['demo'], serial: randomSerial() },
    ...{ validAfterSeconds: now - 60, validBeforeSeconds: now + 600 },
  })
}

const KEYS = {
  ed25519: generateKeyPairSync('ed25519').privateKey,
  ecdsa: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
}

for (const [name, key] of Object.entries(KEYS)) {
  test(`S2: a real agent takes a certificate and signs by it: ${name}`, async (t) => {
    const agent = await startSshAgent()
    t.teardown(agent.stop)
    const certificate = certificateFor(key)
    const wish = { key, certificate, comment: 'zt', lifetimeSeconds: 60, confirm: false }
    t.deepEqual(await addToAgent(agent.socket, wish), { ok: true, value: undefined })
    const listed = await listAgentKeys(agent.socket)
    if (!listed.ok) return t.fail(listed.error.reason)
    const [held] = listed.value
    t.is(held?.comment, 'zt')
    t.deepEqual(held?.blob, certificate)
    const parsed = parseCertificate(certificate)
    const signed = await signByAgent(agent.socket, signerFor(key).blob, DATA)
    // It holds the key under its certificate only.
    t.false(signed.ok)
    return t.true(parsed.ok)
  })
}

test('S2 T25: the lifetime is told to the agent, which keeps it', async (t) => {
  const agent = await startSshAgent()
  t.teardown(agent.stop)
  const key = KEYS.ed25519
  const wish = { key, certificate: certificateFor(key), comment: 'zt', confirm: false }
  await addToAgent(agent.socket, { ...wish, lifetimeSeconds: 600 })
  t.regex(agent.add(['-l']), /zt \(ED25519-CERT\)/)
  // Replaces the first: a key is there once, with the lifetime told last.
  await addToAgent(agent.socket, { ...wish, lifetimeSeconds: 1 })
  const gone = async (): Promise<boolean> => {
    const keys = await listAgentKeys(agent.socket)
    return keys.ok && keys.value.length === 0
  }
  const deadline = Date.now() + 60_000
  while (!(await gone()) && Date.now() < deadline) await new Promise((wake) => setTimeout(wake, 50))
  t.true(await gone())
})

test('S2 T25: constraints are in every request, and one that is refused is not asked without', async (t) => {
  const asked: Buffer[] = []
  const socket = await fakeAgent(t, (request) => {
    asked.push(request)
    return Buffer.of(0, 0, 0, 1, 5) // SSH_AGENT_FAILURE
  })
  const key = KEYS.ed25519
  const wish = {
    key,
    certificate: certificateFor(key),
    comment: '',
    lifetimeSeconds: 77,
    confirm: true,
  }
  t.deepEqual(await addToAgent(socket, wish), { ok: false, error: { reason: 'agent_refused' } })
  t.is(asked.length, 1)
  t.is(asked[0]?.[4], 25)
  t.deepEqual(asked[0]?.subarray(-6), Buffer.of(1, 0, 0, 0, 77, 2))
  const plain = writeAddCertificate({ ...wish, confirm: false })
  t.deepEqual(plain.subarray(-5), Buffer.of(1, 0, 0, 0, 77))
})

test('S3: an agent signs by a plain key, RSA with SHA-2', async (t) => {
  const agent = await startSshAgent()
  const keys = new KeyFolder()
  t.teardown(async () => {
    await agent.stop()
    keys.remove()
  })
  for (const [name, ...options] of [
    ['a', '-t', 'ed25519'],
    ['b', '-t', 'rsa', '-b', '2048'],
    ['c', '-t', 'ecdsa', '-b', '384'],
  ] as const) {
    agent.add(['-q', keys.makeKey(name, ...options)])
    const blob = keys.blob(`${name}.pub`)
    const signed = await signByAgent(agent.socket, blob, DATA)
    const key = parsePublicKey(blob)
    t.true(signed.ok && key.ok && verifySignature(key.value, signed.value, DATA).ok, name)
    if (signed.ok && name === 'b') t.is(new SshReader(signed.value).text(), 'rsa-sha2-512')
  }
  const stranger = signerFor(generateKeyPairSync('ed25519').privateKey).blob
  const refused = await signByAgent(agent.socket, stranger, DATA)
  t.deepEqual(refused, { ok: false, error: { reason: 'agent_refused' } })
})

test('S3: an agent that is not there, says nonsense or too much is told apart', async (t) => {
  const reasonOf = async (path: string) => {
    const keys = await listAgentKeys(path)
    return keys.ok ? 'ok' : keys.error.reason
  }
  t.is(await reasonOf('/nonexistent/agent'), 'agent_unreachable')
  t.is(await reasonOf(await fakeAgent(t, () => Buffer.of(0xff, 0, 0, 0))), 'bad_agent_answer')
  t.is(await reasonOf(await fakeAgent(t, () => Buffer.of(0, 0, 0, 2, 12, 0))), 'bad_agent_answer')
  t.is(await reasonOf(await fakeAgent(t, () => undefined)), 'agent_unreachable')
})

test('S3: a signature of the agent that does not verify goes nowhere', async (t) => {
  const own = signerFor(KEYS.ed25519)
  const lie = own.sign(Buffer.from('something else'))
  const body = Buffer.concat([Buffer.of(14, 0, 0, 0, lie.length), lie])
  const socket = await fakeAgent(t, () => Buffer.concat([Buffer.of(0, 0, 0, body.length), body]))
  const signed = await signByAgent(socket, own.blob, DATA)
  t.deepEqual(signed, { ok: false, error: { reason: 'bad_agent_answer' } })
})

test('S3 T25: no answer of an agent throws', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.constantFrom(5, 6, 12, 14), (octets, type) => {
      for (const answer of [Buffer.from(octets), Buffer.from([type, ...octets])]) {
        const keys = readIdentities(answer)
        t.true(keys === undefined || keys.every(({ blob }) => blob.length <= answer.length))
        t.true((readSignature(answer)?.length ?? 0) <= answer.length)
        t.is(isSuccess(answer), answer.equals(Buffer.of(6)))
      }
    }),
  )
})

/** @param answer framed octets, or undefined to hang up. */
function fakeAgent(
  t: ExecutionContext,
  answer: (request: Buffer) => Buffer | undefined,
): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'zt-agent-'))
  const path = join(folder, 'agent.sock')
  const server = createServer((socket) => {
    socket.on('data', (request) => {
      const reply = answer(request)
      if (reply === undefined) socket.destroy()
      else socket.end(reply)
    })
  })
  t.teardown(() => {
    server.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return new Promise((resolve) => server.listen(path, () => resolve(path)))
}
