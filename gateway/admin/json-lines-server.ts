/** Answers that are told as they come about: one JSON object a line. */
import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'

const MEDIA_TYPE = 'application/x-ndjson'

/** Sends the lines as fast as the caller reads them, and asks for no more when it leaves. */
export async function jsonLines(reply: FastifyReply, lines: AsyncIterable<unknown>): Promise<void> {
  await reply.type(MEDIA_TYPE).send(Readable.from(printed(lines), { objectMode: false }))
}

async function* printed(lines: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const line of lines) yield `${JSON.stringify(line)}\n`
}
