/**
 * `zt-gateway recipients`: signs the list of those who may open recordings, and shows what a signed list says.
 * Signing needs no gateway: run it on the machine that has the offline key.
 */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import {
  openRecipientList,
  type RecipientLines,
  type RecipientListError,
  signRecipientList,
} from '#lib/recording/recipient-list'
import { err, ok, type Result } from '#lib/result'
import { readPrivateFile } from './keys/key-store.ts'

/** Why there is no list; `message` names file and remedy. */
export type RecipientsRefusal = { readonly reason: string; readonly message: string }

export type SignOptions = {
  /** The offline key that `init` wrote. */
  readonly key: string
  /** Files with public lines: who may open output, and input too unless that has its own. */
  readonly recipient: readonly string[]
  /** Files with public lines: who alone may open input. */
  readonly inputRecipient: readonly string[]
  /** Files with public lines: who alone may open the index: commands, file operations, refusals. */
  readonly indexRecipient: readonly string[]
  /** Replaced whole when it exists. */
  readonly out: string
}

/** Signs a list and writes it. @throws {Error} when a file cannot be read or written. */
export async function signRecipients(
  { key, recipient, inputRecipient, indexRecipient, out }: SignOptions,
  nowMs: number,
): Promise<Result<void, RecipientsRefusal>> {
  const signer = readSigner(key)
  if (!signer.ok) return signer
  const input = inputRecipient.flatMap(publicLines)
  const index = indexRecipient.flatMap(publicLines)
  const lines: RecipientLines = {
    output: recipient.flatMap(publicLines),
    ...(input.length === 0 ? {} : { input }),
    ...(index.length === 0 ? {} : { index }),
  }
  const signed = await signRecipientList(lines, nowMs, signer.value)
  if (!signed.ok) return refuse(signed.error)
  const draft = `${out}.new`
  writeFileSync(draft, `${signed.value}\n`, { mode: 0o644, flush: true })
  renameSync(draft, out)
  return ok(undefined)
}

/** Verifies a list. @returns what it says, a line each. @throws {Error} when a file cannot be read. */
export async function showRecipients(
  listFile: string,
  signerFile: string,
): Promise<Result<readonly string[], RecipientsRefusal>> {
  const signer = createPublicKey(readFileSync(signerFile))
  const opened = await openRecipientList(readFileSync(listFile, 'utf8'), signer)
  if (!opened.ok) return refuse(opened.error)
  const { signedAtMs, recipients } = opened.value
  const classes = Object.entries(recipients)
  return ok([
    `signed ${new Date(signedAtMs).toISOString()}`,
    ...classes.flatMap(([name, all]) => all.map(({ fingerprint }) => `${name} ${fingerprint}`)),
  ])
}

function readSigner(file: string): Result<KeyObject, RecipientsRefusal> {
  const pem = readPrivateFile(file)
  if (!pem.ok) return pem
  try {
    const key = createPrivateKey(pem.value)
    if (key.asymmetricKeyType === 'ed25519') return ok(key)
  } catch {
    // Said below; OpenSSL's text may quote the file.
  }
  return err({ reason: 'bad_key', message: `${file} is not the key that init wrote` })
}

function publicLines(file: string): string[] {
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.map((line) => line.trim()).filter((line) => line !== '')
}

const MESSAGES: Readonly<Record<RecipientListError['reason'], string>> = {
  bad_signature: 'The list is not signed by the key whose public half this gateway has.',
  bad_list: 'The list has no recipient, or is none at all.',
  bad_recipient:
    'A recipient is no public line as "zt recordings keygen" writes it, or stands twice in the list.',
  older_list: 'The list is older than the one in force.',
}

function refuse({ reason }: RecipientListError): Result<never, RecipientsRefusal> {
  return err({ reason, message: MESSAGES[reason] })
}
