/**
 * The list of those who may open recordings, signed by a key that is kept off line.
 * A gateway that was broken into can so be told whom to record for only by who holds that key.
 */
import { z } from 'zod'
import { err, ok, type Result } from '#lib/result'
import type { RecipientSet } from '../seal/container-writer.ts'
import { parseRecipient, type Recipient } from '../seal/recipient-key.ts'
import { type JwsKey, signJson, verifyJson } from './jws.ts'

const ALG = 'EdDSA'
const TYP = 'zt-recipients+jws'

const lines = z.array(z.string()).min(1).max(100)
const listSchema = z.strictObject({
  version: z.literal(1),
  /** When it was signed, Unix milliseconds: a gateway refuses to go back to an older list. */
  signedAtMs: z.int().nonnegative(),
  /** Public lines, see lib/seal/recipient-key.ts. No `input` or `index`: those of `output`. */
  output: lines,
  input: lines.exactOptional(),
  index: lines.exactOptional(),
})

/** Public lines by class, as an administrator states them. */
export type RecipientLines = Readonly<
  Pick<z.infer<typeof listSchema>, 'output' | 'input' | 'index'>
>

export type RecipientList = { readonly signedAtMs: number; readonly recipients: RecipientSet }

export type RecipientListError = {
  readonly reason: 'bad_signature' | 'bad_list' | 'bad_recipient' | 'older_list'
}

/**
 * Signs a list. It is checked first: a list that no gateway could use is not signed.
 * @param signer private Ed25519 key; never on a gateway.
 */
export async function signRecipientList(
  recipients: RecipientLines,
  signedAtMs: number,
  signer: JwsKey,
): Promise<Result<string, RecipientListError>> {
  const list = { version: 1, signedAtMs, ...recipients }
  const checked = await readList(list)
  if (!checked.ok) return checked
  return ok(await signJson(list, { alg: ALG, typ: TYP }, signer))
}

/**
 * Verifies the text of `recipients.jws`.
 * @param signerPublic public Ed25519 key from `init`.
 * @param notBeforeMs `signedAtMs` of the list in force, if any.
 */
export async function openRecipientList(
  text: string,
  signerPublic: JwsKey,
  notBeforeMs = 0,
): Promise<Result<RecipientList, RecipientListError>> {
  const payload = await verifyJson(text.trim(), { alg: ALG, typ: TYP }, signerPublic)
  if (payload === undefined) return err({ reason: 'bad_signature' })
  const list = await readList(payload)
  if (list.ok && list.value.signedAtMs < notBeforeMs) return err({ reason: 'older_list' })
  return list
}

async function readList(payload: unknown): Promise<Result<RecipientList, RecipientListError>> {
  const parsed = listSchema.safeParse(payload)
  if (!parsed.success) return err({ reason: 'bad_list' })
  const { signedAtMs, output, input, index } = parsed.data
  const sets = await Promise.all([output, input ?? [], index ?? []].map(parseAll))
  const [outputs, inputs, indexes] = sets
  if (!outputs || !inputs || !indexes) return err({ reason: 'bad_recipient' })
  const recipients = {
    output: outputs,
    ...(input && { input: inputs }),
    ...(index && { index: indexes }),
  }
  return ok({ signedAtMs, recipients })
}

/** All or none: a list with one recipient that cannot be used is refused. */
async function parseAll(texts: readonly string[]): Promise<readonly Recipient[] | undefined> {
  const parsed = await Promise.all(texts.map(parseRecipient))
  const recipients = parsed.flatMap((one) => (one.ok ? [one.value] : []))
  const distinct = new Set(recipients.map(({ fingerprint }) => fingerprint))
  return distinct.size === texts.length ? recipients : undefined
}
