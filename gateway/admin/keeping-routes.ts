/** Legal hold and shredding in the admin API. */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { z } from 'zod'
import type { KeepingRefusal } from '../recording/keeping.ts'
import { refuse } from '../web/refuse.ts'
import type { AdminDeps } from './admin-deps.ts'
import { recordingJson } from './admin-json.ts'
import { type ById, badBody, notFound } from './admin-reply.ts'

const body = z.strictObject({ reason: z.string().trim().min(1).max(500) })

const REFUSALS: Readonly<Record<Exclude<KeepingRefusal, 'recording_unknown'>, string>> = {
  recording_erased: 'Its content is gone already.',
  recording_held: 'It is under legal hold.',
  recording_not_held: 'It is not under legal hold.',
  recording_open: 'The session goes on. End it first.',
  recording_not_erased: 'It could not be overwritten, and is still there. The log says why.',
}

export function addKeepingRoutes(app: FastifyInstance, { keeping }: AdminDeps): void {
  for (const verb of ['hold', 'release', 'shred'] as const) {
    app.post<ById>(`/api/v1/recordings/:id/${verb}`, async (request, reply) => {
      const parsed = body.safeParse(request.body)
      if (!parsed.success) return badBody(reply, 'Send JSON with "reason", at most 500 characters.')
      const order = { reason: parsed.data.reason, source: request.ip }
      const kept = await keeping[verb](request.params.id, order)
      return kept.ok ? { recording: recordingJson(kept.value) } : refused(reply, kept.error)
    })
  }
}

function refused(reply: FastifyReply, code: KeepingRefusal): Promise<void> {
  if (code === 'recording_unknown') return notFound(reply, 'recording')
  const status = code === 'recording_not_erased' ? 500 : 409
  return refuse(reply, { status, code, message: REFUSALS[code] })
}
