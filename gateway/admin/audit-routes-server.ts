/** The audit log in the admin API: its lines with a checkpoint at the end, and the checkpoint alone. */
import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { openCheckpoint } from '#lib/audit/checkpoint'
import type { AuditLog } from '../audit/audit-log-store.ts'
import { noteAction } from './admin-action.ts'
import type { AdminDeps } from './admin-deps.ts'

export function addAuditRoutes(app: FastifyInstance, deps: AdminDeps): void {
  app.get('/api/v1/audit', async (request, reply) => {
    noteAction(deps, request, 'export_audit', {})
    const checkpoint = await deps.signCheckpoint()
    const opened = await openCheckpoint(checkpoint)
    if (!opened.ok) throw new Error('our own checkpoint does not open')
    const lines = exported(deps.audit, opened.value.size, checkpoint)
    return reply.type('application/jsonl').send(Readable.from(lines))
  })
  app.get('/api/v1/audit/checkpoint', async () => ({ checkpoint: await deps.signCheckpoint() }))
}

function* exported(audit: AuditLog, size: number, checkpoint: string): Iterable<string> {
  for (const line of audit.lines(size)) yield `${line}\n`
  yield `${JSON.stringify({ checkpoint })}\n`
}
