/**
 * Gates in front of pages: before a body is read, before anything is looked up.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { LoginDeps, LoginGates } from './login-deps.ts'
import { TOO_MANY } from './page-reasons.ts'
import { showMessage } from './page-replies.ts'
import { sourceOf } from './source.ts'

/** Options of a route whose callers have to pass this gate first. */
export function gated(deps: LoginDeps, gate: keyof LoginGates) {
  return {
    onRequest: async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
      if (await deps.gates[gate](sourceOf(request))) return
      await showMessage(deps, reply, TOO_MANY)
    },
  }
}
