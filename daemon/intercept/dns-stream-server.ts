/** DNS over TCP (RFC 7766): messages with a length of two octets in front, answered in order. */
import type { Socket } from 'node:net'
import type { AnswerQuery } from './intercept-deps.ts'

const LENGTH_OCTETS = 2
/** A client that asks nothing for so long is closed (RFC 7766 section 6.2.3: a few seconds). */
const IDLE_MS = 10_000

/** Serves one client until it ends, stays silent, or asks what has no answer. */
export async function serveDnsStream(client: Socket, answer: AnswerQuery): Promise<void> {
  client.setTimeout(IDLE_MS, () => client.destroy())
  try {
    for await (const query of queriesOf(client)) {
      const message = await answer(query, 'tcp')
      if (message === undefined) break
      const length = Buffer.alloc(LENGTH_OCTETS)
      length.writeUInt16BE(message.length)
      client.write(Buffer.concat([length, message]))
    }
    client.end()
  } catch {
    // The client went away: nobody waits for an answer.
    client.destroy()
  }
}

/** A message has at most 64 KiB, so what is kept is bounded; the client waits while it is answered. */
async function* queriesOf(client: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let kept = Buffer.alloc(0)
  for await (const chunk of client) {
    kept = Buffer.concat([kept, chunk])
    for (let end = endOf(kept); end <= kept.length; end = endOf(kept)) {
      yield kept.subarray(LENGTH_OCTETS, end)
      kept = kept.subarray(end)
    }
  }
}

function endOf(kept: Buffer): number {
  return kept.length < LENGTH_OCTETS
    ? Number.POSITIVE_INFINITY
    : LENGTH_OCTETS + kept.readUInt16BE()
}
