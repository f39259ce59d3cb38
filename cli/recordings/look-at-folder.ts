/** A folder of recordings as it is found: sealed files, manifests, and what stands in the place of erased ones. */
import { createHash } from 'node:crypto'
import type { JWK } from 'jose'
import type { FoundRecording } from '#lib/audit/recording-fates'
import { openErasure } from '#lib/recording/erasure'
import { openManifest } from '#lib/recording/manifest'
import type { RecordingIo } from '../commands/recording-io.ts'
import { verifyRecording } from './read-recording.ts'

/** Keys of gateways to trust; without them any signer is taken. */
export type Trusted = { readonly evidenceKeys?: readonly JWK[] }

type Io = Pick<RecordingIo, 'openFile' | 'readManifest' | 'readErasure'>

const SEALED = '.ztrec'
const KINDS = [SEALED, `${SEALED}.manifest`, `${SEALED}.erased`]

/** Verifies what is in `folder`, each recording by itself. @param names of the files there. */
export async function lookAtFolder(
  io: Io,
  folder: string,
  names: readonly string[],
  trusted: Trusted,
): Promise<ReadonlyMap<string, FoundRecording>> {
  const present = new Set(names)
  const found = new Map<string, FoundRecording>()
  for (const id of new Set(names.flatMap(idOf))) {
    const isThere = present.has(`${id}${SEALED}`)
    found.set(id, await lookAt(io, { id, path: `${folder}/${id}${SEALED}`, isThere }, trusted))
  }
  return found
}

type Place = { readonly id: string; readonly path: string; readonly isThere: boolean }

async function lookAt(
  io: Io,
  { id, path, isThere }: Place,
  trusted: Trusted,
): Promise<FoundRecording> {
  const manifest = await io.readManifest(path)
  const stated = manifest === undefined ? {} : { manifest }
  const verdict = isThere
    ? await verifyRecording(io.openFile(path), { ...stated, ...trusted })
    : undefined
  const isForged =
    !isThere && manifest !== undefined && !(await openManifest(manifest, trusted.evidenceKeys)).ok
  const erasure = await erasureOf(await io.readErasure(path), id, trusted)
  return {
    id,
    ...(verdict && { verdict }),
    ...(manifest !== undefined && { manifestSha256: sha256(manifest) }),
    ...(isForged && { isManifestForged: true as const }),
    ...(erasure && { erasure }),
  }
}

async function erasureOf(
  text: string | undefined,
  id: string,
  { evidenceKeys }: Trusted,
): Promise<FoundRecording['erasure']> {
  if (text === undefined) return undefined
  const opened = await openErasure(text, evidenceKeys)
  return opened.ok && opened.value.statement.session === id ? opened.value.statement : 'invalid'
}

function idOf(name: string): readonly string[] {
  const kind = KINDS.find((one) => name.endsWith(one))
  return kind === undefined ? [] : [name.slice(0, -kind.length)]
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
