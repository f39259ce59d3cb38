/**
 * Says whether an exported audit log is whole: every entry in its place, as the gateway signed it, as witnesses saw it.
 * Incremental and pure; what it cannot say is that nothing was cut off after the last thing a witness saw.
 */
import type { JWK } from 'jose'
import { z } from 'zod'
import { parseEntry } from './audit-entry.ts'
import { openCheckpoint, type SignedCheckpoint } from './checkpoint.ts'
import { TreeHash } from './merkle-tree.ts'
import { noteFate, type RecordingFate } from './recording-fates.ts'

export type AuditReason =
  /** A line that no gateway writes: changed, or none of ours. */
  | 'bad_entry'
  /** An entry is missing, repeated or moved. */
  | 'out_of_order'
  | 'bad_checkpoint'
  | 'unknown_signer'
  /** The lines are not those that the checkpoint at the end signs. */
  | 'checkpoint_differs'
  /** A witness saw more entries than there are. */
  | 'shorter_than_witness'
  /** A witness saw other entries. */
  | 'witness_differs'

export type AuditFinding =
  | { readonly status: 'consistent' }
  /** `no_checkpoint`: the gateway's signature at the end is missing. */
  | { readonly status: 'incomplete'; readonly reason: 'no_checkpoint' }
  | { readonly status: 'tampered'; readonly reason: AuditReason; readonly entry?: number }

export type AuditVerdict = AuditFinding & {
  readonly entries: number
  /** Entries before this one are as witnesses saw them; nothing after it can be proven to be all. */
  readonly witnessed: number
  /** Thumbprint of the key that signed, and whether it is one to trust. */
  readonly signer?: string
  readonly pinned?: boolean
}

export type AuditOptions = {
  /** Checkpoints that others kept, compact JWS. */
  readonly witness: readonly string[]
  readonly evidenceKeys?: readonly JWK[]
}

const closing = z.strictObject({ checkpoint: z.string() })

export class AuditVerifier {
  readonly fates = new Map<string, RecordingFate>()
  readonly #options: AuditOptions
  readonly #tree = new TreeHash()
  #witness: SignedCheckpoint[] | undefined
  #witnessed = 0
  #checkpoint: SignedCheckpoint | undefined
  #finding: (AuditFinding & { readonly status: 'tampered' }) | undefined

  constructor(options: AuditOptions) {
    this.#options = options
  }

  /** Takes the next line, without its line feed. @returns a verdict as soon as there is one. */
  async push(line: string): Promise<AuditVerdict | undefined> {
    await this.#start()
    this.#finding ??= this.#checkpoint ? tampered('out_of_order') : await this.#take(line)
    return this.#finding && this.#verdict(this.#finding)
  }

  /** The verdict, after the last line. */
  async end(): Promise<AuditVerdict> {
    await this.#start()
    return this.#verdict(this.#finding ?? this.#conclude())
  }

  async #start(): Promise<void> {
    if (this.#witness !== undefined) return
    this.#witness = []
    for (const text of this.#options.witness) {
      const opened = await openCheckpoint(text, this.#options.evidenceKeys)
      if (opened.ok) this.#witness.push(opened.value)
      else this.#finding ??= tampered(reasonOf(opened.error.reason))
    }
    this.#finding ??= this.#compareWitness()
  }

  async #take(line: string) {
    const end = line.startsWith('{"checkpoint":') ? closing.safeParse(parseJson(line)) : undefined
    if (end?.success) return this.#takeCheckpoint(end.data.checkpoint)
    const entry = parseEntry(line)
    if (entry === undefined) return tampered('bad_entry', this.#tree.size)
    if (entry.sequence !== this.#tree.size) return tampered('out_of_order', this.#tree.size)
    this.#tree.add(line)
    noteFate(this.fates, entry)
    return this.#compareWitness()
  }

  async #takeCheckpoint(text: string) {
    const opened = await openCheckpoint(text, this.#options.evidenceKeys)
    if (!opened.ok) return tampered(reasonOf(opened.error.reason))
    this.#checkpoint = opened.value
    const { size, root } = opened.value
    const isSame = size === this.#tree.size && root === this.#tree.root
    return isSame ? undefined : tampered('checkpoint_differs')
  }

  /** Called at every size, so that each checkpoint of a witness is met once. */
  #compareWitness() {
    const here = this.#witness?.filter(({ size }) => size === this.#tree.size) ?? []
    if (here.some(({ root }) => root !== this.#tree.root)) return tampered('witness_differs')
    if (here.length > 0) this.#witnessed = this.#tree.size
    return undefined
  }

  #conclude(): AuditFinding {
    const seen = Math.max(0, ...(this.#witness ?? []).map(({ size }) => size))
    if (seen > this.#tree.size) return tampered('shorter_than_witness', this.#tree.size)
    if (!this.#checkpoint) return { status: 'incomplete', reason: 'no_checkpoint' }
    return this.#sameSigner() ? { status: 'consistent' } : tampered('unknown_signer')
  }

  #sameSigner(): boolean {
    return this.#witness?.every(({ signer }) => signer === this.#checkpoint?.signer) ?? true
  }

  #verdict(finding: AuditFinding): AuditVerdict {
    const by = this.#checkpoint
    return {
      ...finding,
      entries: this.#tree.size,
      witnessed: this.#witnessed,
      ...(by && { signer: by.signer, pinned: by.pinned }),
    }
  }
}

function tampered(reason: AuditReason, entry?: number) {
  return { status: 'tampered', reason, ...(entry !== undefined && { entry }) } as const
}

function reasonOf(reason: string): AuditReason {
  return reason === 'unknown_signer' ? 'unknown_signer' : 'bad_checkpoint'
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
