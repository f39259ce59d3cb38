/**
 * Recording, put together from configuration and keys: the folder, and the list of recipients in force.
 */
import type { Log } from '#lib/log'
import type { RecipientSet } from '#lib/seal/container-writer'
import type { AuditLog } from './audit/audit-log-store.ts'
import { evidenceSigner } from './audit/evidence-signer.ts'
import type { GatewayConfig } from './config/gateway-config.ts'
import type { OpenedData } from './open-data-os.ts'
import { type Keeping, openKeeping } from './recording/keeping-store.ts'
import { RecipientListFile } from './recording/recipient-list-store.ts'
import type { Recordings } from './recording/recorder.ts'
import { RecordingFolder } from './recording/recording-folder-store.ts'
import { openRecordingStore } from './recording/recording-store.ts'
import { startRetention } from './recording/retention-job.ts'

const MIB = 1024 * 1024

export type RecordingAccessOptions = {
  readonly config: GatewayConfig['recordings']
  readonly data: OpenedData
  readonly fips: boolean
  readonly audit: AuditLog
  readonly log: Log
  /** Unix milliseconds. */
  readonly now: () => number
}

export interface RecordingAccess {
  /** Refuses with `no_recipient` while no list is in force. */
  readonly recordings: Recordings
  /** The list in force; undefined while there is none. */
  readonly recipients: () => RecipientSet | undefined
  readonly keeping: Keeping
  /** Reads the list of recipients again; one that is not signed, or older, leaves the list in force. Never rejects. */
  reloadRecipients(): Promise<void>
  /** Erases nothing any more. */
  stop(): void
}

/** Opens the folder, closing what a crash left open, and reads the list. @throws {Error} when the folder cannot be used. */
export async function openRecordingAccess({
  config,
  data,
  fips,
  audit,
  log,
  now,
}: RecordingAccessOptions): Promise<RecordingAccess> {
  const { keys, store, recordingsDir } = data
  const list =
    config === undefined
      ? undefined
      : new RecipientListFile(
          config.recipientsFile,
          keys.recipientsSigner,
          fips ? ['p256'] : undefined,
        )
  const reloadRecipients = () => reload(list, log)
  await reloadRecipients()
  const recipients = () => list?.recipients
  const recordings = await openRecordingStore({
    directory: recordingsDir,
    recipients,
    evidenceKey: keys.evidenceSigning,
    rows: store.recordings,
    audit,
    freeSpaceReserveBytes: (config?.freeSpaceReserveMib ?? 0) * MIB,
    log,
  })
  const keeping = openKeeping({
    folder: await RecordingFolder.open(recordingsDir),
    rows: store.recordings,
    signer: await evidenceSigner(keys.evidenceSigning),
    ...{ audit, log, now },
  })
  const { keepMs } = config ?? {}
  const stop = keepMs === undefined ? () => {} : startRetention({ keeping, keepMs, now, log })
  return { recordings, recipients, keeping, reloadRecipients, stop }
}

async function reload(list: RecipientListFile | undefined, log: Log): Promise<void> {
  if (list === undefined) {
    log.warn({}, 'no recipients configured: sessions that must be recorded are refused')
    return
  }
  try {
    const read = await list.reload()
    if (read.ok) log.info(namesOf(read.value), 'recipients in force')
    else
      log.error({ reason: read.error.reason }, 'list of recipients refused; the one in force stays')
  } catch (error) {
    log.error({ error: String(error) }, 'list of recipients cannot be read; the one in force stays')
  }
}

function namesOf(sets: NonNullable<RecipientListFile['recipients']>) {
  const entries = Object.entries(sets).map(([name, all]) => [
    name,
    all.map(({ fingerprint }) => fingerprint),
  ])
  return { recipients: Object.fromEntries(entries) as Record<string, string[]> }
}
