/**
 * Small recordings in memory, made with the product's own writer.
 */
import { generateKeyPairSync } from 'node:crypto'
import { exportJWK, type JWK } from 'jose'
import type { Frame } from '#lib/recording/frame'
import { fingerprintsOf, LOSS_BOUNDS, type Manifest, signManifest } from '#lib/recording/manifest'
import { RecordingReader } from '#lib/recording/recording-reader'
import { RecordingWriter } from '#lib/recording/recording-writer'
import { CHUNK_HEAD_BYTES } from '#lib/seal/container-format'
import { ContainerParser } from '#lib/seal/container-parser'
import { type RecipientSet, startContainer } from '#lib/seal/container-writer'
import { generateRecipientKey, parseRecipientKey, type RecipientKey } from '#lib/seal/recipient-key'

export const SUBJECT = {
  sessionId: 's1',
  userEmail: 'alice@example.com',
  startedAtMs: 1_700_000_000_000,
}

/** A fresh key pair of someone who may open recordings. */
export async function makeRecipient(kem: 'x25519' | 'p256' = 'x25519'): Promise<RecipientKey> {
  const { privateText } = await generateRecipientKey(kem)
  const key = await parseRecipientKey(privateText)
  if (!key.ok) throw new Error(key.error.reason)
  return key.value
}

/** A gateway's evidence key. */
export async function makeEvidenceKey(): Promise<{ privateKey: JWK; publicJwk: JWK }> {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    privateKey: await exportJWK(pair.privateKey),
    publicJwk: await exportJWK(pair.publicKey),
  }
}

export type Sample = { file: Buffer; manifest: Manifest }

/** Writes a recording; `script` says what happens in the session. */
export async function makeRecording(
  recipients: RecipientSet,
  script: (writer: RecordingWriter) => void,
): Promise<Sample> {
  const parts: Uint8Array[] = []
  const container = await startContainer(SUBJECT, recipients)
  const writer = new RecordingWriter(container, (appended) => {
    for (const part of appended) parts.push(Uint8Array.from(part))
  })
  script(writer)
  writer.end()
  const manifest: Manifest = {
    version: 1,
    subject: SUBJECT,
    recipients: fingerprintsOf(container.header.keys),
    state: 'complete',
    end: { reason: 'closed', endedAtMs: SUBJECT.startedAtMs + 1000 },
    file: {
      ...writer.state,
      checkpoints: { ...writer.state.checkpoints, chain: [...writer.state.checkpoints.chain] },
    },
    channels: [...writer.channels],
    gaps: [],
    lossBounds: LOSS_BOUNDS,
  }
  return { file: Buffer.concat(parts), manifest }
}

/** A session with each class and several chunks. */
export function shortSession(writer: RecordingWriter): void {
  writer.event(10, { type: 'channel_opened', channel: 0, kind: 'session' })
  writer.event(20, { type: 'pty', channel: 0, term: 'xterm', columns: 80, rows: 24 })
  writer.event(25, { type: 'exec', channel: 0, command: 'cat marker-in-command' })
  writer.data(30, 0, 'input', Buffer.from('marker-in-input\r'))
  writer.data(40, 0, 'output', Buffer.from('marker-in-output\r\n'))
  writer.flush()
  writer.data(1_000_050, 0, 'stderr', Buffer.from('problem\n'))
  writer.flush()
  writer.event(1_500_000, { type: 'exit_status', channel: 0, code: 3 })
}

/** Signs and keeps what a verifier needs. */
export async function sign(manifest: Manifest): Promise<{ manifest: string; evidenceKeys: JWK[] }> {
  const signer = await makeEvidenceKey()
  return { manifest: await signManifest(manifest, signer), evidenceKeys: [signer.publicJwk] }
}

/** Head and chunks of a file, whole. */
export function cut(file: Uint8Array): { head: Uint8Array; chunks: Uint8Array[] } {
  const parsed = new ContainerParser().push(file)
  if (!parsed.ok) throw new Error(parsed.error.reason)
  let head = new Uint8Array(0)
  const chunks: Uint8Array[] = []
  for (const piece of parsed.value) {
    if (piece.type === 'head') head = Uint8Array.from(piece.bytes)
    else {
      const size = CHUNK_HEAD_BYTES + piece.sealed.length
      chunks.push(file.subarray(piece.offset, piece.offset + size))
    }
  }
  return { head, chunks }
}

/** Reads a whole file at once. */
export async function readAll(file: Uint8Array, keys: readonly RecipientKey[]) {
  const reader = new RecordingReader(keys)
  const step = await reader.push(file)
  const end = reader.end()
  const frames: Frame[] = [...step.frames, ...end.frames]
  return { reader, frames, error: step.error ?? end.error, tail: end.tail }
}
