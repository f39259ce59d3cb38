/** Recordings in the admin API: listed, and served sealed as they lie on disk. */
import { createReadStream } from 'node:fs'
import { basename, join } from 'node:path'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { refuse } from '../web/refuse.ts'
import type { AdminDeps } from './admin-deps.ts'
import { recordingJson } from './admin-json.ts'
import { parseRecordingPage } from './admin-query.ts'
import { type ById, badQuery, notFound } from './admin-reply.ts'

const ERASED = {
  status: 410,
  code: 'recording_erased',
  message: 'Its content is gone; the manifest is still there.',
} as const

export function addRecordingRoutes(
  app: FastifyInstance,
  { store, recordingsDir, audit, log }: AdminDeps,
): void {
  app.get('/api/v1/recordings', async (request, reply) => {
    const page = parseRecordingPage(request.query as Record<string, unknown>)
    if (!page.ok) return badQuery(reply, page.error.reason, page.error.key)
    return { recordings: store.recordings.list(page.value).map(recordingJson) }
  })
  app.get<ById>('/api/v1/recordings/:id', async (request, reply) => {
    const row = store.recordings.get(request.params.id)
    return row === undefined ? notFound(reply, 'recording') : { recording: recordingJson(row) }
  })
  const sendFile =
    (suffix: string) => async (request: FastifyRequest<ById>, reply: FastifyReply) => {
      const row = store.recordings.get(request.params.id)
      if (row === undefined) return notFound(reply, 'recording')
      if (row.erased && suffix === '') return refuse(reply, ERASED)
      const about = { part: suffix === '' ? 'content' : 'manifest', source: request.ip }
      audit.note('recording_viewed', { recording: row.id, ...about })
      log.info({ action: 'fetch_recording', recordingId: row.id, ...about }, 'admin action')
      // The name is the store's own and random; basename keeps even a damaged row inside the folder (T66).
      const stream = createReadStream(join(recordingsDir, `${basename(row.file)}${suffix}`))
      try {
        await new Promise<void>((resolve, reject) =>
          stream.once('open', () => resolve()).once('error', reject),
        )
      } catch {
        return notFound(reply, 'recording')
      }
      return reply.type('application/octet-stream').send(stream)
    }
  app.get<ById>('/api/v1/recordings/:id/content', sendFile(''))
  app.get<ById>('/api/v1/recordings/:id/manifest', sendFile('.manifest'))
}
