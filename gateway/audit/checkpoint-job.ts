/**
 * Signs a checkpoint of the audit log soon after it has grown, and tells who listens.
 */
import type { KeyObject } from 'node:crypto'
import { signCheckpoint } from '#lib/audit/checkpoint'
import type { AuditLog } from './audit-log-store.ts'
import { evidenceSigner } from './evidence-signer.ts'

/** Entries of one burst share a checkpoint. */
const SIGN_AFTER_MS = 500

export interface Checkpoints {
  /** Signs the log as it is now. */
  sign(): Promise<string>
  /** Told each new checkpoint, in order. @returns how to stop. */
  onSigned(listener: (checkpoint: string) => void): () => void
  /** The newest that was signed. */
  readonly latest: string | undefined
  stop(): void
}

export type CheckpointOptions = {
  readonly evidenceKey: KeyObject
  readonly now: () => number
  readonly onFailure: (cause: unknown) => void
}

/** Signs the log as it is, and then after each change. */
export async function startCheckpoints(
  log: AuditLog,
  { evidenceKey, now, onFailure }: CheckpointOptions,
): Promise<Checkpoints> {
  const signer = await evidenceSigner(evidenceKey)
  const listeners = new Set<(checkpoint: string) => void>()
  let timer: NodeJS.Timeout | undefined
  const sign = () => signCheckpoint({ ...log.head, atMs: now() }, signer)
  let latest: string | undefined
  // One after the other: a witness takes an older one for a rollback.
  let last = Promise.resolve()
  const renew = async (): Promise<void> => {
    latest = await sign()
    for (const listener of listeners) listener(latest)
  }
  const stopHearing = log.onGrown(() => {
    timer ??= setTimeout(() => {
      timer = undefined
      last = last.then(renew).catch(onFailure)
    }, SIGN_AFTER_MS)
  })
  latest = await sign()
  return {
    sign,
    onSigned(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    get latest() {
      return latest
    },
    stop() {
      stopHearing()
      clearTimeout(timer)
    },
  }
}
