/**
 * Where a recording stands and what the store says about it. Nothing here is taken from what a user typed.
 */
import type { Subject } from '#lib/seal/container-format'
import type { RecordingRow } from '../store/store.ts'

const SUFFIX = '.ztrec'
const MANIFEST_SUFFIX = '.manifest'

/**
 * Name of the sealed file of a session.
 * @throws {Error} when the id is no plain token: then it would not be random, and could be a path.
 */
export function recordingFileName(sessionId: string): string {
  if (!/^[A-Za-z0-9][\w-]{7,63}$/.test(sessionId)) throw new Error('session id is no plain token')
  return `${sessionId}${SUFFIX}`
}

/** Name of the side file. */
export function manifestFileName(recordingFile: string): string {
  return `${recordingFile}${MANIFEST_SUFFIX}`
}

/** The session of a sealed file; undefined for any other file. */
export function sessionOfFileName(file: string): string | undefined {
  return file.endsWith(SUFFIX) ? file.slice(0, -SUFFIX.length) : undefined
}

/** The row of a session that is being recorded. */
export function openRow(subject: Subject, file: string): RecordingRow {
  const text = (name: string) => String(subject[name] ?? '')
  const parent = text('parent')
  return {
    id: text('sessionId'),
    flowId: text('flowId'),
    startedAtMs: Number(subject['startedAtMs'] ?? 0),
    userEmail: text('userEmail'),
    deviceId: text('deviceId'),
    unixUser: text('unixUser'),
    target: `${text('targetHost')}:${text('targetPort')}`,
    application: text('application'),
    state: 'open',
    sizeBytes: 0,
    file,
    ...(parent !== '' && { parent }),
  }
}
