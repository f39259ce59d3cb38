/** Talks to an SSH agent over its Unix socket: one connection for each question. */
import { connect } from 'node:net'
import { err, ok, type Result } from '#lib/result'
import {
  type AgentCertificate,
  type AgentKey,
  isSuccess,
  readIdentities,
  readSignature,
  writeAddCertificate,
  writeIdentitiesRequest,
  writeSignRequest,
} from './agent-message.ts'
import { parsePublicKey } from './public-key.ts'
import { verifySignature } from './signature.ts'
import { writeString } from './writer.ts'

export type AgentFailure = {
  readonly reason: 'agent_unreachable' | 'agent_refused' | 'bad_agent_answer'
}

/** As OpenSSH's own limit (sshbuf of the agent), octets. */
const ANSWER_LIMIT = 256 * 1024
/** A person may have to touch or confirm something; a card may be slow. */
const TIMEOUT_MS = 60_000
const LENGTH_OCTETS = 4

/** The keys that the agent offers. Never rejects. */
export async function listAgentKeys(
  socketPath: string,
): Promise<Result<readonly AgentKey[], AgentFailure>> {
  const answer = await ask(socketPath, writeIdentitiesRequest())
  if (!answer.ok) return answer
  const keys = readIdentities(answer.value)
  return keys === undefined ? err({ reason: 'bad_agent_answer' }) : ok(keys)
}

/**
 * Has the agent sign by a plain key. What comes back is verified: an agent's mistake must not be sent on.
 * @returns the signature blob. Never rejects.
 */
export async function signByAgent(
  socketPath: string,
  blob: Buffer,
  data: Buffer,
): Promise<Result<Buffer, AgentFailure>> {
  const answer = await ask(socketPath, writeSignRequest(blob, data))
  if (!answer.ok) return answer
  const signature = readSignature(answer.value)
  if (signature === undefined) return err({ reason: 'agent_refused' })
  const key = parsePublicKey(blob)
  const isGood = key.ok && verifySignature(key.value, signature, data).ok
  return isGood ? ok(Buffer.from(signature)) : err({ reason: 'bad_agent_answer' })
}

/** Gives the agent a key with its certificate. Never rejects. */
export async function addToAgent(
  socketPath: string,
  wish: AgentCertificate,
): Promise<Result<void, AgentFailure>> {
  const answer = await ask(socketPath, writeAddCertificate(wish))
  if (!answer.ok) return answer
  return isSuccess(answer.value) ? ok(undefined) : err({ reason: 'agent_refused' })
}

function ask(socketPath: string, request: Buffer): Promise<Result<Buffer, AgentFailure>> {
  return new Promise((resolve) => {
    const socket = connect({ path: socketPath })
    let input: Buffer = Buffer.alloc(0)
    const end = (outcome: Result<Buffer, AgentFailure>): void => {
      socket.destroy()
      resolve(outcome)
    }
    socket.setTimeout(TIMEOUT_MS, () => end(err({ reason: 'agent_unreachable' })))
    socket.on('error', () => end(err({ reason: 'agent_unreachable' })))
    socket.on('close', () => end(err({ reason: 'agent_unreachable' })))
    socket.on('connect', () => socket.write(writeString(request)))
    socket.on('data', (chunk: Buffer) => {
      input = Buffer.concat([input, chunk])
      if (input.length < LENGTH_OCTETS) return
      const length = input.readUInt32BE()
      if (length > ANSWER_LIMIT) end(err({ reason: 'bad_agent_answer' }))
      else if (input.length >= LENGTH_OCTETS + length) {
        end(ok(input.subarray(LENGTH_OCTETS, LENGTH_OCTETS + length)))
      }
    })
  })
}
