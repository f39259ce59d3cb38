/** How every API of ours refuses. */
import type { FastifyReply } from 'fastify'

/** A refusal in the shape every API of ours has. `code` is stable. */
export type HttpRefusal = {
  readonly status: number
  readonly code: string
  readonly message: string
}

/** Sends a refusal. */
export async function refuse(
  reply: FastifyReply,
  { status, code, message }: HttpRefusal,
): Promise<void> {
  await reply.code(status).send({ error: { code, message } })
}
