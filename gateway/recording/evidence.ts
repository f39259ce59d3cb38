/** What a gateway states about one recorded session, as the members of an evidence bundle. */
import { INDEX_MEMBER, INDEX_TYP, memberDigest, type StatedMember } from '#lib/evidence/bundle'
import { type EvidenceSigner, signStatement } from '#lib/recording/evidence-signature'
import type { ProvenLine } from '../audit/audit-log-store.ts'
import type { FlowRecord } from '../flow/flow-record.ts'
import type { Device, User } from '../store/store.ts'

export type EvidenceParts = {
  readonly session: string
  readonly manifest: string
  /** The certificate that was minted, one line; older recordings have none. */
  readonly certificate?: string
  readonly flow: FlowRecord
  readonly device: Device | undefined
  readonly user: User | undefined
  readonly audit: readonly ProvenLine[]
  readonly checkpoint: string
  readonly atMs: number
}

/** Texts by name, with the signed index. */
export async function evidenceMembers(
  parts: EvidenceParts,
  signer: EvidenceSigner,
): Promise<Readonly<Record<string, string>>> {
  const stated: Partial<Record<StatedMember, string>> = {
    'decision.json': readable(parts.flow),
    'identity.json': readable(identityOf(parts)),
    ...(parts.certificate !== undefined && { 'certificate.pub': `${parts.certificate}\n` }),
    'audit.jsonl': parts.audit.map((one) => `${JSON.stringify(one)}\n`).join(''),
    'checkpoint.jws': parts.checkpoint,
    'recording.ztrec.manifest': parts.manifest,
  }
  const members = Object.fromEntries(
    Object.entries(stated).map(([name, text]) => [name, memberDigest(text)]),
  )
  const index = { version: 1, session: parts.session, atMs: parts.atMs, members }
  return { [INDEX_MEMBER]: await signStatement(index, INDEX_TYP, signer), ...stated }
}

/** As the store has them now; the decision has what was known then. */
function identityOf({ user, device }: EvidenceParts) {
  return {
    ...(user && {
      user: {
        ...{ id: user.id, provider: user.provider, subject: user.providerSubject },
        ...{ email: user.email, name: user.name, groups: user.groups },
      },
    }),
    ...(device && {
      device: {
        ...{ id: device.id, name: device.name, keySha256: device.keySha256 },
        ...{ enrolledAtMs: device.enrolledAtMs, login: device.login },
      },
    }),
  }
}

function readable(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}
