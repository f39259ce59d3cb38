/**
 * Recordings in a folder of this gateway: one sealed file per session and a signed manifest beside it.
 * The gateway seals to public keys. It stores no payload key and can open nothing, not even what it writes.
 */
import type { KeyObject } from 'node:crypto'
import type { Log } from '#lib/log'
import type { EvidenceSigner } from '#lib/recording/evidence-signature'
import { openManifest, signManifest } from '#lib/recording/manifest'
import { err, ok } from '#lib/result'
import { type RecipientSet, startContainer } from '#lib/seal/container-writer'
import type { AuditLog } from '../audit/audit-log-store.ts'
import { evidenceSigner } from '../audit/evidence-signer.ts'
import type { RecordingRow, Store } from '../store/store.ts'
import { leaveStatement } from './erasure-statement-store.ts'
import { makeManifest } from './manifest-text.ts'
import type { RecordingSubject, Recordings } from './recorder.ts'
import { closedFacts, failedFacts, openedFacts } from './recording-audit.ts'
import { RecordingFolder } from './recording-folder-store.ts'
import { openRow, recordingFileName, sessionOfFileName } from './recording-row.ts'
import { type RecordedSession, SessionRecorder } from './session-recorder-store.ts'

export type RecordingStoreOptions = {
  readonly directory: string
  /** Asked at each session: the list in force, or undefined when there is none. */
  readonly recipients: () => RecipientSet | undefined
  /** Signs manifests; P-256. */
  readonly evidenceKey: KeyObject
  readonly rows: Store['recordings']
  readonly audit: Pick<AuditLog, 'note'>
  /** With less free space no session is recorded. */
  readonly freeSpaceReserveBytes: number
  readonly log: Log
}

type OpenRefusal = 'no_recipient' | 'no_space' | 'write_failed'

/** How a recording that nobody closed is described. */
const INTERRUPTED = 'interrupted'

/**
 * Opens the folder; recordings that an earlier run left open are closed first, and marked incomplete.
 * @throws {Error} when the folder cannot be made or listed.
 */
export async function openRecordingStore(options: RecordingStoreOptions): Promise<RecordingStore> {
  const folder = await RecordingFolder.open(options.directory)
  const store = new RecordingStore(options, folder, await evidenceSigner(options.evidenceKey))
  await store.closeInterrupted()
  return store
}

export class RecordingStore implements Recordings {
  readonly #options: RecordingStoreOptions
  readonly #folder: RecordingFolder
  readonly #signer: EvidenceSigner

  /** Use `openRecordingStore`. */
  constructor(options: RecordingStoreOptions, folder: RecordingFolder, signer: EvidenceSigner) {
    this.#options = options
    this.#folder = folder
    this.#signer = signer
  }

  /** @throws {Error} when `sessionId` is no plain token of 8 to 64 letters, digits, `-` and `_`. */
  async open(subject: RecordingSubject): ReturnType<Recordings['open']> {
    const file = recordingFileName(subject.sessionId)
    const recipients = this.#options.recipients()
    if (!recipients || recipients.output.length === 0) return this.#refuse(subject, 'no_recipient')
    try {
      if ((await this.#folder.freeBytes()) < this.#options.freeSpaceReserveBytes) {
        return this.#refuse(subject, 'no_space')
      }
      return ok(await this.#start(subject, file, recipients))
    } catch (cause) {
      this.#options.log.error({ err: cause, session: subject.sessionId }, 'recording not started')
      return this.#refuse(subject, 'write_failed')
    }
  }

  #refuse(subject: RecordingSubject, reason: OpenRefusal) {
    const isAudited = this.#noteFailure(subject, reason)
    return err({ reason: isAudited ? reason : ('not_audited' as const) })
  }

  /** The store may be what failed. @returns whether it is in the audit log. */
  #noteFailure(subject: RecordingSubject, reason: string): boolean {
    const recording = subject.sessionId
    try {
      this.#options.audit.note('recording_failed', failedFacts(subject, reason))
      return true
    } catch (cause) {
      this.#options.log.error({ err: cause, session: recording, reason }, 'failure not audited')
      return false
    }
  }

  /** Signs what an earlier run left open. Run before any session. @returns how many there were. */
  async closeInterrupted(): Promise<number> {
    let closed = 0
    for (const file of await this.#folder.list()) {
      try {
        if (await this.#closeLeftOver(file)) closed++
      } catch (cause) {
        this.#options.log.error({ err: cause, file }, 'recording of an earlier run not closed')
      }
    }
    return closed
  }

  async #start(subject: RecordingSubject, file: string, recipients: RecipientSet) {
    const container = await startContainer({ ...subject }, recipients)
    const row = openRow(container.header.subject, file)
    this.#options.audit.note('recording_opened', openedFacts(subject))
    // The file calls back only after the recorder stands: it has written nothing before.
    const late: { recorder?: SessionRecorder } = {}
    const sealed = await this.#folder.create(file, {
      onWritten: () => late.recorder?.written(),
      onFailure: (cause) => {
        this.#options.log.error({ err: cause, session: row.id }, 'recording failed')
        const isAudited = this.#noteFailure(subject, 'write_failed')
        late.recorder?.failed(isAudited)
      },
    })
    this.#options.rows.put(row)
    const finish = (session: RecordedSession) => this.#finish(row, session)
    late.recorder = new SessionRecorder(container, sealed, finish, subject)
    return late.recorder
  }

  async #finish(row: RecordingRow, session: RecordedSession): Promise<void> {
    try {
      if (!session.written) await this.#closeTorn(row, session.end.reason, session.end.endedAtMs)
      else await this.#closeWhole(row, session)
    } catch (cause) {
      // The next start closes it; until then the row must not say that it is being written.
      this.#options.log.error({ err: cause, session: row.id }, 'recording not closed')
      this.#putEnded({ ...row, endedAtMs: session.end.endedAtMs, state: 'incomplete' })
    }
  }

  async #closeWhole(row: RecordingRow, session: RecordedSession): Promise<void> {
    const { header, file, end } = session
    const channels = session.channels.map((counts) => ({ ...counts }))
    const manifest = makeManifest({ header, file, end, channels, state: 'complete' })
    const text = await signManifest(manifest, this.#signer)
    await this.#folder.writeManifest(row.file, text)
    const { endedAtMs } = end
    const closed = { ...row, endedAtMs, state: 'complete', sizeBytes: file.bytes } as const
    this.#closed(closed, end.reason, text)
  }

  /** Signs the whole part of a file as incomplete. */
  async #closeTorn(row: RecordingRow, reason: string, endedAtMs: number): Promise<void> {
    const remains = await this.#folder.survey(row.file)
    const { sizeBytes } = await this.#folder.describe(row.file)
    const whole = remains?.file.bytes ?? sizeBytes
    let text: string | undefined
    if (remains) {
      const { header, file } = remains
      const gaps = [{ reason, discardedBytes: sizeBytes - whole }]
      if (sizeBytes > whole) await this.#folder.shorten(row.file, whole)
      const end = { reason, endedAtMs }
      const manifest = makeManifest({ header, file, end, gaps, state: 'incomplete' })
      text = await signManifest(manifest, this.#signer)
      await this.#folder.writeManifest(row.file, text)
    }
    this.#closed({ ...row, endedAtMs, state: 'incomplete', sizeBytes: whole }, reason, text)
  }

  async #closeLeftOver(file: string): Promise<boolean> {
    const known = this.#options.rows.get(sessionOfFileName(file) ?? '')
    if (known?.erased) {
      await this.#folder.destroyKeys(file)
      await leaveStatement({ ...known, erased: known.erased }, this.#folder, this.#signer)
      return true
    }
    const text = await this.#folder.readManifest(file)
    if (text !== undefined && known && known.state !== 'open') return false
    const { changedAtMs } = await this.#folder.describe(file)
    const row = known ?? (await this.#rowOf(file))
    if (text === undefined) await this.#closeTorn(row, INTERRUPTED, changedAtMs)
    else await this.#restoreRow(row, text)
    return true
  }

  /** The manifest was written, but not the row. */
  async #restoreRow(row: RecordingRow, text: string): Promise<void> {
    const signed = await openManifest(text, [this.#signer.publicJwk])
    if (!signed.ok) throw new Error(`manifest of ${row.file}: ${signed.error.reason}`)
    const { state, end, file } = signed.value.manifest
    const { endedAtMs } = end
    this.#closed({ ...row, endedAtMs, state, sizeBytes: file.bytes }, end.reason, text)
  }

  /** The row last: without it the next start closes again, and an entry that is there twice does no harm. */
  #closed(row: RecordingRow, reason: string, manifest: string | undefined): void {
    this.#options.audit.note('recording_closed', closedFacts(row, reason, manifest))
    this.#putEnded(row)
  }

  /** Somebody may have put it under legal hold meanwhile. */
  #putEnded(row: RecordingRow): void {
    const hold = this.#options.rows.get(row.id)?.hold
    this.#options.rows.put({ ...row, ...(hold && { hold }) })
  }

  /** The file was made, but its row was lost with the process: the header says the same. */
  async #rowOf(file: string): Promise<RecordingRow> {
    const remains = await this.#folder.survey(file)
    const id = sessionOfFileName(file) ?? ''
    return { ...openRow(remains?.header.subject ?? {}, file), id }
  }
}
