/** Messages to an SSH agent and its answers (draft-ietf-sshm-ssh-agent), without their length. Pure. */
import type { KeyObject } from 'node:crypto'
import { secretFields } from './private-key.ts'
import { SshReader } from './reader.ts'
import { writeByte, writeString, writeUint32 } from './writer.ts'

/** A key that an agent holds. */
export type AgentKey = { readonly blob: Buffer; readonly comment: string }

/** A key with its certificate, and on what terms the agent is to keep it (T25). */
export type AgentCertificate = {
  readonly key: KeyObject
  /** Certificate blob of that key. */
  readonly certificate: Buffer
  readonly comment: string
  /** After so long the agent forgets it. */
  readonly lifetimeSeconds: number
  /** The agent asks before each use. */
  readonly confirm: boolean
}

const REQUEST = { identities: 11, sign: 13, addConstrained: 25 } as const
const ANSWER = { success: 6, identities: 12, signature: 14 } as const
const CONSTRAINT = { lifetime: 1, confirm: 2 } as const
/** SSH_AGENT_RSA_SHA2_512: without it RSA keys sign with SHA-1. Other keys ignore it. */
const RSA_SHA2_512 = 4
/** OpenSSH's own agent stops at 2048. */
const KEYS_LIMIT = 4096

export function writeIdentitiesRequest(): Buffer {
  return writeByte(REQUEST.identities)
}

/** @returns the keys, or undefined when the answer is none. Never throws. */
export function readIdentities(answer: Buffer): readonly AgentKey[] | undefined {
  const reader = new SshReader(answer)
  const type = reader.byte()
  const count = reader.uint32()
  const keys: AgentKey[] = []
  while (reader.hasMore && keys.length < Math.min(count, KEYS_LIMIT)) {
    keys.push({ blob: reader.string(), comment: reader.string().toString('utf8') })
  }
  const isWhole = type === ANSWER.identities && reader.complete && keys.length === count
  return isWhole ? keys : undefined
}

export function writeSignRequest(blob: Buffer, data: Buffer): Buffer {
  const fields = [writeString(blob), writeString(data), writeUint32(RSA_SHA2_512)]
  return Buffer.concat([writeByte(REQUEST.sign), ...fields])
}

/** @returns the signature blob, not verified; undefined when the agent refused. Never throws. */
export function readSignature(answer: Buffer): Buffer | undefined {
  const reader = new SshReader(answer)
  const type = reader.byte()
  const signature = reader.string()
  return type === ANSWER.signature && reader.complete ? signature : undefined
}

/** Always with constraints: an agent that knows none refuses, and is not asked without them (T25). */
export function writeAddCertificate(wish: AgentCertificate): Buffer {
  const { key, certificate, comment, lifetimeSeconds, confirm } = wish
  return Buffer.concat([
    writeByte(REQUEST.addConstrained),
    writeString(new SshReader(certificate).string()),
    writeString(certificate),
    secretFields(key),
    writeString(comment),
    writeByte(CONSTRAINT.lifetime),
    writeUint32(lifetimeSeconds),
    ...(confirm ? [writeByte(CONSTRAINT.confirm)] : []),
  ])
}

export function isSuccess(answer: Buffer): boolean {
  return answer.length === 1 && answer[0] === ANSWER.success
}
