/**
 * An evidence bundle: one recorded session with all that vouches for it, in one file. See docs/reference/evidence-bundle.md.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'

/** Members that the gateway states, in their order in the file; the README comes before them, the recording after. */
export const STATED_MEMBERS = [
  'decision.json',
  'identity.json',
  'certificate.pub',
  'audit.jsonl',
  'checkpoint.jws',
  'recording.ztrec.manifest',
] as const
export type StatedMember = (typeof STATED_MEMBERS)[number]

export const README_MEMBER = 'readme.txt'
export const INDEX_MEMBER = 'index.jws'
export const RECORDING_MEMBER = 'recording.ztrec'

export const INDEX_TYP = 'zt-evidence-index+jws'

const sha256 = z.string().regex(/^[0-9a-f]{64}$/)

/** Signed with the evidence key: which members there are, and what is in them. The recording is bound by its manifest. */
export const indexSchema = z.strictObject({
  version: z.literal(1),
  session: z.string(),
  atMs: z.int().nonnegative(),
  members: z.partialRecord(z.enum(STATED_MEMBERS), sha256),
})

/** An entry of the audit log, and the hashes that show it to be in the log of the checkpoint. */
export const provenLineSchema = z.strictObject({
  sequence: z.int().nonnegative(),
  line: z.string(),
  proof: z.array(z.string().regex(/^[0-9a-f]{64}$/)).max(130),
})

export function memberDigest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

export const README = `Evidence about one recorded SSH session.

    zt verify FILE --evidence-key evidence.pub [--key RECIPIENT.key]

checks all of it without a gateway. What is in it:

readme.txt                this text; nothing vouches for it
index.jws                 the gateway's signature over the digests of what follows
decision.json             the flow: who, where to, what was decided, by which rules
identity.json             the person and the device
certificate.pub           the SSH certificate that was shown to the target
audit.jsonl               entries of the audit log about the session, with proofs
checkpoint.jws            the signed head of the audit log that the proofs lead to
recording.ztrec.manifest  the signed manifest of the recording
recording.ztrec           the recording, sealed to its recipients
`
