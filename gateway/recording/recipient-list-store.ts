/**
 * The recipient list in force: read from a file, taken only with the offline key's signature, never replaced by an older one.
 */
import type { KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import {
  openRecipientList,
  type RecipientList,
  type RecipientListError,
} from '#lib/recording/recipient-list'
import { err, ok, type Result } from '#lib/result'
import type { RecipientSet } from '#lib/seal/container-writer'
import type { Kem } from '#lib/seal/hpke-schedule'

export type RecipientFileError =
  | RecipientListError
  | { readonly reason: 'list_missing' | 'recipient_not_allowed' }

export class RecipientListFile {
  readonly #path: string
  readonly #signer: KeyObject
  readonly #kems: readonly Kem[]
  #list: RecipientList | undefined

  /**
   * Nothing is in force before `reload`.
   * @param signer public half of the offline key, Ed25519.
   * @param kems kinds of keys that recipients may have.
   */
  constructor(path: string, signer: KeyObject, kems: readonly Kem[] = ['x25519', 'p256']) {
    this.#path = path
    this.#signer = signer
    this.#kems = kems
  }

  /** For `RecordingStoreOptions.recipients`: undefined means that nothing can be recorded. */
  get recipients(): RecipientSet | undefined {
    return this.#list?.recipients
  }

  /**
   * Reads the file again. What does not verify leaves the list that is in force as it is.
   * @throws {Error} when the file is there but cannot be read.
   */
  async reload(): Promise<Result<RecipientSet, RecipientFileError>> {
    const text = await this.#read()
    if (text === undefined) return err({ reason: 'list_missing' })
    const opened = await openRecipientList(text, this.#signer, this.#list?.signedAtMs)
    if (!opened.ok) return opened
    const all = Object.values(opened.value.recipients).flat()
    if (!all.every(({ kem }) => this.#kems.includes(kem)))
      return err({ reason: 'recipient_not_allowed' })
    this.#list = opened.value
    return ok(opened.value.recipients)
  }

  async #read(): Promise<string | undefined> {
    try {
      return await readFile(this.#path, 'utf8')
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
      throw cause
    }
  }
}
