/** What vouches for one recorded session, for `zt recordings bundle`. */
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { openCheckpoint } from '#lib/audit/checkpoint'
import { openManifest } from '#lib/recording/manifest'
import { evidenceMembers } from '../recording/evidence.ts'
import type { AdminDeps } from './admin-deps.ts'
import { type ById, notFound } from './admin-reply.ts'

export function addEvidenceRoutes(app: FastifyInstance, deps: AdminDeps): void {
  const { store, audit, recordingsDir, nowMs } = deps
  app.get<ById>('/api/v1/recordings/:id/evidence', async (request, reply) => {
    const row = store.recordings.get(request.params.id)
    const flow = row && store.flows.get(row.flowId)
    if (row === undefined || flow === undefined) return notFound(reply, 'recording')
    const file = join(recordingsDir, `${basename(row.file)}.manifest`)
    const manifest = await readFile(file, 'utf8').catch(() => undefined)
    const opened = manifest === undefined ? undefined : await openManifest(manifest)
    if (manifest === undefined || !opened?.ok) return notFound(reply, 'recording')
    audit.note('recording_exported', { recording: row.id, source: request.ip })
    const checkpoint = await deps.signCheckpoint()
    const head = await openCheckpoint(checkpoint)
    if (!head.ok) throw new Error('our own checkpoint does not open')
    const { certificate } = opened.value.manifest.subject
    const device = store.devices.get(row.deviceId)
    const parts = {
      ...{ session: row.id, manifest, flow, device, checkpoint, atMs: nowMs() },
      ...(typeof certificate === 'string' && { certificate }),
      user: store.users.get(device?.userId ?? ''),
      audit: audit.ofRecording(row.id, head.value.size),
    }
    const members = await evidenceMembers(parts, await deps.evidenceSigner())
    return { members, recordingBytes: opened.value.manifest.file.bytes }
  })
}
