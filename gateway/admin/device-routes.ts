/** Devices in the admin API. */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { makeOverrideCode } from '#lib/enrol/override-code'
import { noteAction } from './admin-action.ts'
import type { AdminDeps } from './admin-deps.ts'
import { deviceJson, postureJson } from './admin-json.ts'
import { type ById, badBody, notFound } from './admin-reply.ts'

const OVERRIDE_BOUNDS_SECONDS = { least: 300, most: 604_800 }
const override = z.strictObject({
  seconds: z.int().min(OVERRIDE_BOUNDS_SECONDS.least).max(OVERRIDE_BOUNDS_SECONDS.most),
})
const OVERRIDE_RULE = 'Expected {"seconds": …}: from five minutes to a week.'

export function addDeviceRoutes(app: FastifyInstance, options: AdminDeps): void {
  const { store, nowMs } = options
  const json = (id: string) => {
    const device = store.devices.get(id)
    return device === undefined ? undefined : deviceJson(device, store.users.get(device.userId))
  }
  app.get('/api/v1/devices', async () => ({
    devices: store.devices
      .list()
      .map((device) => deviceJson(device, store.users.get(device.userId))),
  }))
  app.get<ById>('/api/v1/devices/:id', async (request, reply) => {
    const { id } = request.params
    const device = json(id)
    if (device === undefined) return notFound(reply, 'device')
    return { device: { ...device, posture: options.posture(id).map(postureJson) } }
  })
  app.post<ById>('/api/v1/devices/:id/override', async (request, reply) => {
    const { id } = request.params
    if (store.devices.get(id) === undefined) return notFound(reply, 'device')
    const wish = override.safeParse(request.body)
    if (!wish.success) return badBody(reply, OVERRIDE_RULE)
    const endsAtMs = nowMs() + wish.data.seconds * 1000
    const endsAt = new Date(endsAtMs).toISOString()
    noteAction(options, request, 'override_lock', { deviceId: id, endsAt })
    return { code: makeOverrideCode(options.overrideKey(id), id, endsAtMs), endsAt }
  })
  app.post<ById>('/api/v1/devices/:id/revoke', async (request, reply) => {
    const { id } = request.params
    const device = store.devices.get(id)
    if (device === undefined) return notFound(reply, 'device')
    noteAction(options, request, 'revoke_device', { deviceId: id })
    if (device.revokedAtMs === undefined) store.devices.update(id, { revokedAtMs: nowMs() })
    options.onDeviceRevoked(id)
    return { device: json(id) }
  })
}
