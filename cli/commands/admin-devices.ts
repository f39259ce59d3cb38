/**
 * `zt admin devices`: list them, how the posture checks of one stand, revoke one, and a code that lifts its lock.
 */
import type { Command } from 'commander'
import { z } from 'zod'
import { readAnswer } from '../admin-answer.ts'
import { type CliIo, EXIT, report } from '../cli-io.ts'
import { tableText } from '../render.ts'
import { seconds } from '../seconds.ts'
import type { Run } from './device.ts'

type JsonOption = { readonly json?: boolean }
type OverrideOptions = JsonOption & { readonly for: string }

/** A device of the admin API; what is more is passed on as it is. */
const device = z.looseObject({
  id: z.string(),
  name: z.string(),
  user: z.string().nullable(),
  service: z.looseObject({ name: z.string() }).optional(),
  revoked: z.boolean(),
  lastSeenAt: z.string().optional(),
})
const check = z.looseObject({
  name: z.string(),
  kind: z.string(),
  passed: z.boolean(),
  detail: z.string(),
  observedAt: z.string().optional(),
  found: z.unknown().optional(),
})
const overrideCode = z.object({ code: z.string(), endsAt: z.string() })
const listing = z.object({ devices: z.array(device) })
const shown = z.object({ device: z.looseObject({ posture: z.array(check) }) })

const revoked = z.object({ device })

/** Adds `devices` to `admin`. */
export function addDeviceAdminCommands(admin: Command, io: CliIo, run: Run): void {
  const devices = admin
    .command('devices')
    .description('enrolled devices and their posture; revoke one')
  devices
    .command('list')
    .description('list devices with their users')
    .option('--json', 'print a JSON array')
    .action((options: JsonOption) => run(() => list(io, options)))
  devices
    .command('posture')
    .description('show the posture checks of a device, and what it said')
    .argument('<id>', 'id of the device')
    .option('--json', 'print a JSON array')
    .action((id: string, options: JsonOption) => run(() => posture(io, id, options)))
  devices
    .command('revoke')
    .description('revoke a device for good: its connections end now, and it has to enrol again')
    .argument('<id>', 'id of the device')
    .option('--json', 'print JSON')
    .action((id: string, options: JsonOption) => run(() => revoke(io, id, options)))
  devices
    .command('override')
    .description('make a code that lifts the lock of a device for a while; read it to its user')
    .argument('<id>', 'id of the device')
    .option('--for <duration>', 'from now on, 5m to 7d; used or not', '1h')
    .option('--json', 'print JSON')
    .action((id: string, options: OverrideOptions) => run(() => override(io, id, options)))
}

async function revoke(io: CliIo, id: string, { json }: JsonOption): Promise<number> {
  const answer = await io.admin.postJson(`/api/v1/devices/${encodeURIComponent(id)}/revoke`, {})
  const done = answer.ok ? readAnswer(revoked, answer.value) : answer
  if (!done.ok) return report(io, done.error)
  const { device: gone } = done.value
  io.print(json ? JSON.stringify(gone) : `revoked: ${gone.name}, of ${holderOf(gone)}`)
  return EXIT.ok
}

async function override(io: CliIo, id: string, options: OverrideOptions): Promise<number> {
  const wish = seconds('seconds', options.for)
  if (!wish.ok) return report(io, wish.error)
  const path = `/api/v1/devices/${encodeURIComponent(id)}/override`
  const answer = await io.admin.postJson(path, wish.value)
  const made = answer.ok ? readAnswer(overrideCode, answer.value) : answer
  if (!made.ok) return report(io, made.error)
  const { code, endsAt } = made.value
  io.print(
    options.json ? JSON.stringify(made.value) : `${code}\ngood until ${endsAt}, for "zt override"`,
  )
  return EXIT.ok
}

/** A person or a service. */
function holderOf({ user, service }: Pick<z.infer<typeof device>, 'user' | 'service'>): string {
  return user ?? service?.name ?? ''
}

async function list(io: CliIo, { json }: JsonOption): Promise<number> {
  const answer = await io.admin.getJson('/api/v1/devices')
  const found = answer.ok ? readAnswer(listing, answer.value) : answer
  if (!found.ok) return report(io, found.error)
  const { devices } = found.value
  const rows = devices.map(({ id, name, user, service, revoked, lastSeenAt = '' }) => {
    return [id, name, holderOf({ user, service }), revoked ? 'revoked' : '', lastSeenAt]
  })
  io.print(
    json
      ? JSON.stringify(devices)
      : tableText(['id', 'name', 'user or service', 'state', 'seen'], rows),
  )
  return EXIT.ok
}

async function posture(io: CliIo, id: string, { json }: JsonOption): Promise<number> {
  const answer = await io.admin.getJson(`/api/v1/devices/${encodeURIComponent(id)}`)
  const found = answer.ok ? readAnswer(shown, answer.value) : answer
  if (!found.ok) return report(io, found.error)
  const checks = found.value.device.posture
  const rows = checks.map(({ name, kind, passed, detail, observedAt = '', found: said }) => {
    const result = passed ? 'passed' : `failed: ${detail}`
    return [name, kind, result, observedAt, said === undefined ? '' : JSON.stringify(said)]
  })
  const headings = ['check', 'kind', 'result', 'seen', 'the device said']
  io.print(json ? JSON.stringify(checks) : tableText(headings, rows))
  return EXIT.ok
}
