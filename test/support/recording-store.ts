/**
 * A recording store in a folder, with one recipient whose key the test holds.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { exportJWK } from 'jose'
import type { Log } from '#lib/log'
import { openAuditLog } from '../../gateway/audit/audit-log-store.ts'
import type { RecordingSubject } from '../../gateway/recording/recorder.ts'
import {
  openRecordingStore,
  type RecordingStoreOptions,
} from '../../gateway/recording/recording-store.ts'
import { openMemoryStore } from '../../gateway/store/memory-store.ts'
import { makeRecipient } from './recording-sample.ts'

export const SILENT: Log = { info() {}, warn() {}, error() {} }

export function sampleSubject(sessionId: string): RecordingSubject {
  return {
    sessionId,
    flowId: 'flow-1',
    startedAtMs: 1_700_000_000_000,
    userEmail: 'alice@example.com',
    deviceId: 'device-1',
    unixUser: 'demo',
    targetHost: 'db1.corp.internal',
    targetPort: 22,
    application: 'db',
    policy: 'staff',
    policyRevision: 3,
    certificateSerial: '42',
  }
}

export function makeEvidenceKeyObject(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
}

/** Opens a store; `change` overrides what a test is about. */
export async function openSampleStore(
  directory: string,
  change: Partial<RecordingStoreOptions> = {},
) {
  const alice = await makeRecipient()
  const memory = openMemoryStore()
  const { rows = memory.recordings, evidenceKey = makeEvidenceKeyObject() } = change
  const { audit = openAuditLog(memory.audit, () => 1_700_000_000_000) } = change
  const options: RecordingStoreOptions = {
    directory,
    recipients: () => ({ output: [alice] }),
    freeSpaceReserveBytes: 0,
    log: SILENT,
    ...change,
    rows,
    audit,
    evidenceKey,
  }
  const { x = '', y = '' } = await exportJWK(evidenceKey)
  const evidenceJwk = { kty: 'EC', crv: 'P-256', x, y }
  return { store: await openRecordingStore(options), rows, alice, evidenceKey, evidenceJwk }
}
