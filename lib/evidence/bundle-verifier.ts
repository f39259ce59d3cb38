/**
 * Checks an evidence bundle as it is read: signatures, digests, proofs, and that all members speak of one session. Pure.
 */
import type { JWK } from 'jose'
import { parseEntry } from '../audit/audit-entry.ts'
import { openCheckpoint, type SignedCheckpoint } from '../audit/checkpoint.ts'
import { isIncluded } from '../audit/merkle-proof.ts'
import { openStatement, type Signed } from '../recording/evidence-signature.ts'
import { openManifest, type SignedManifest } from '../recording/manifest.ts'
import type { Verdict } from '../recording/verdict.ts'
import { RecordingVerifier } from '../recording/verify.ts'
import type { RecipientKey } from '../seal/recipient-key.ts'
import { parseCertificate } from '../ssh/certificate.ts'
import { parsePublicKeyLine } from '../ssh/public-key-line.ts'
import {
  INDEX_MEMBER,
  INDEX_TYP,
  indexSchema,
  memberDigest,
  provenLineSchema,
  README_MEMBER,
  RECORDING_MEMBER,
  STATED_MEMBERS,
  type StatedMember,
} from './bundle.ts'
import { type TarPart, TarReader } from './tar.ts'

export type BundleReason =
  | 'not_a_bundle'
  | 'member_missing'
  | 'bad_index'
  | 'unknown_signer'
  | 'member_differs'
  | 'bad_manifest'
  | 'bad_checkpoint'
  | 'bad_audit_entry'
  | 'session_differs'
  | 'certificate_differs'
  | 'recording_tampered'

export type BundleVerdict = {
  readonly status: 'complete' | 'incomplete' | 'tampered' | 'unverified'
  readonly reason?: BundleReason
  readonly member?: string
  readonly session?: string
  readonly signer?: string
  readonly pinned?: boolean
  readonly recording?: Verdict
}

export type BundleOptions = {
  readonly evidenceKeys?: readonly JWK[]
  /** Private keys: every chunk they should open is opened. */
  readonly keys?: readonly RecipientKey[]
}

type Index = Signed<ReturnType<typeof indexSchema.parse>>
type Wrong = { readonly reason: BundleReason; readonly member?: string }

/** Of members other than the recording, octets. */
const MEMBER_LIMIT_BYTES = 16 * 1024 * 1024
const KNOWN: ReadonlySet<string> = new Set([...STATED_MEMBERS, INDEX_MEMBER, README_MEMBER])

export class BundleVerifier {
  readonly #options: BundleOptions
  readonly #tar = new TarReader()
  readonly #texts = new Map<string, string>()
  #pieces: Uint8Array[] = []
  #index: Index | undefined
  #recording: RecordingVerifier | undefined
  #recordingEnded = false
  #verdict: Verdict | undefined
  #wrong: Wrong | undefined

  constructor(options: BundleOptions) {
    this.#options = options
  }

  /** Takes the next octets. @returns a verdict as soon as there is one. */
  async push(bytes: Uint8Array): Promise<BundleVerdict | undefined> {
    const parts = this.#wrong ? [] : this.#tar.push(bytes)
    if (parts === undefined) this.#wrong = { reason: 'not_a_bundle' }
    for (const part of parts ?? []) {
      this.#wrong ??=
        part.name === RECORDING_MEMBER ? await this.#takeRecording(part) : this.#takeText(part)
    }
    return this.#wrong && this.#say('tampered')
  }

  /** The verdict, after the last octets. */
  async end(): Promise<BundleVerdict> {
    if (!this.#tar.ended) this.#wrong ??= { reason: 'not_a_bundle' }
    if (this.#recording === undefined) this.#wrong ??= missing(RECORDING_MEMBER)
    if (this.#wrong) return this.#say('tampered')
    this.#verdict ??= await this.#recording?.end()
    const { status = 'tampered' } = this.#verdict ?? {}
    if (status === 'tampered') this.#wrong = { reason: 'recording_tampered' }
    return this.#say(status)
  }

  #takeText({ name, bytes, last }: TarPart): Wrong | undefined {
    if (!KNOWN.has(name)) return { reason: 'not_a_bundle', member: name }
    this.#pieces.push(bytes)
    const size = this.#pieces.reduce((sum, { length }) => sum + length, 0)
    if (this.#recording || this.#texts.has(name) || size > MEMBER_LIMIT_BYTES) {
      return { reason: 'not_a_bundle' }
    }
    if (!last) return undefined
    this.#texts.set(name, Buffer.concat(this.#pieces).toString('utf8'))
    this.#pieces = []
    return undefined
  }

  /** Before its first octet everything else is checked. */
  async #takeRecording({ bytes, last }: TarPart): Promise<Wrong | undefined> {
    // Twice: who unpacks the file gets only the second.
    if (this.#recordingEnded) return { reason: 'not_a_bundle', member: RECORDING_MEMBER }
    this.#recordingEnded = last
    if (this.#recording === undefined) {
      const wrong = await this.#checkStated()
      if (wrong) return wrong
      const manifest = this.#text('recording.ztrec.manifest')
      this.#recording = new RecordingVerifier({ manifest, ...this.#options })
    }
    this.#verdict ??= await this.#recording.push(bytes)
    return undefined
  }

  async #checkStated(): Promise<Wrong | undefined> {
    const opened = await openStatement(
      this.#texts.get(INDEX_MEMBER) ?? '',
      INDEX_TYP,
      indexSchema,
      this.#options.evidenceKeys,
    )
    if (!opened.ok) {
      const isUnknown = opened.error.reason === 'unknown_signer'
      return { reason: isUnknown ? 'unknown_signer' : 'bad_index', member: INDEX_MEMBER }
    }
    this.#index = opened.value
    return this.#checkDigests(opened.value) ?? (await this.#checkMeaning(opened.value))
  }

  #checkDigests({ statement }: Index): Wrong | undefined {
    for (const name of STATED_MEMBERS) {
      const text = this.#texts.get(name)
      const wanted = statement.members[name]
      if (text === undefined && wanted === undefined && name === 'certificate.pub') continue
      if (text === undefined) return missing(name)
      if (memberDigest(text) !== wanted) return { reason: 'member_differs', member: name }
    }
    return undefined
  }

  async #checkMeaning(index: Index): Promise<Wrong | undefined> {
    const manifest = await openManifest(
      this.#text('recording.ztrec.manifest'),
      this.#options.evidenceKeys,
    )
    if (!manifest.ok || manifest.value.signer !== index.signer) return { reason: 'bad_manifest' }
    const checkpoint = await openCheckpoint(
      this.#text('checkpoint.jws'),
      this.#options.evidenceKeys,
    )
    if (!checkpoint.ok || checkpoint.value.signer !== index.signer) {
      return { reason: 'bad_checkpoint' }
    }
    return (
      this.#checkSession(index, manifest.value) ??
      this.#checkAudit(index, checkpoint.value) ??
      this.#checkCertificate(manifest.value)
    )
  }

  #checkSession({ statement }: Index, { manifest }: SignedManifest): Wrong | undefined {
    const { subject } = manifest
    const flow = parseJson(this.#text('decision.json')) as Record<string, unknown> | undefined
    const isSame =
      subject['sessionId'] === statement.session &&
      flow?.['id'] === subject['flowId'] &&
      flow?.['sessionId'] === statement.session
    return isSame ? undefined : { reason: 'session_differs', member: 'decision.json' }
  }

  /** The log has opening and closing of this very session, with this very manifest. */
  #checkAudit({ statement }: Index, head: SignedCheckpoint): Wrong | undefined {
    const wrong = { reason: 'bad_audit_entry', member: 'audit.jsonl' } as const
    const kinds = new Map<string, unknown>()
    for (const text of this.#text('audit.jsonl').trimEnd().split('\n')) {
      const proven = provenLineSchema.safeParse(parseJson(text))
      if (!proven.success) return wrong
      const { line, sequence, proof } = proven.data
      const entry = parseEntry(line)
      const isOurs = entry?.sequence === sequence && entry.about['recording'] === statement.session
      if (!isOurs || !isIncluded(line, sequence, head, proof)) return wrong
      kinds.set(entry.kind, entry.about['manifestSha256'])
    }
    const digest = memberDigest(this.#text('recording.ztrec.manifest'))
    const isClosed = kinds.get('recording_closed') === digest
    return kinds.has('recording_opened') && isClosed ? undefined : wrong
  }

  #checkCertificate({ manifest: { subject } }: SignedManifest): Wrong | undefined {
    const text = this.#texts.get('certificate.pub')
    if (text === undefined && subject['certificate'] === undefined) return undefined
    const wrong = { reason: 'certificate_differs', member: 'certificate.pub' } as const
    const line = parsePublicKeyLine(text ?? '')
    const certificate = line.ok ? parseCertificate(line.value.blob) : line
    if (!certificate.ok || text?.trimEnd() !== subject['certificate']) return wrong
    const { serial, principals } = certificate.value
    const isSame =
      serial.toString() === subject['certificateSerial'] &&
      principals.join() === subject['unixUser']
    return isSame ? undefined : wrong
  }

  #text(name: StatedMember): string {
    return this.#texts.get(name) ?? ''
  }

  #say(status: BundleVerdict['status']): BundleVerdict {
    const index = this.#index
    return {
      status,
      ...this.#wrong,
      ...(index && {
        session: index.statement.session,
        signer: index.signer,
        pinned: index.pinned,
      }),
      ...(this.#verdict && { recording: this.#verdict }),
    }
  }
}

function missing(member: string): Wrong {
  return { reason: 'member_missing', member }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
