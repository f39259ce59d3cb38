/**
 * `zt admin sessions`: list, show, revoke.
 */
import type { Command } from 'commander'
import { z } from 'zod'
import { readAnswer } from '../admin-answer.ts'
import { type CliFailure, type CliIo, EXIT, report } from '../cli-io.ts'
import { tableText } from '../render.ts'
import type { Run } from './device.ts'

type Filter = { readonly user?: string; readonly device?: string; readonly application?: string }
type JsonOption = { readonly json?: boolean }

/** A session of the admin API; what is more is passed on as it is. */
const row = z.looseObject({
  id: z.string(),
  kind: z.string(),
  state: z.string(),
  application: z.string().optional(),
  user: z.looseObject({ email: z.string() }).optional(),
  service: z.looseObject({ name: z.string() }).optional(),
  device: z.looseObject({ name: z.string() }).optional(),
  login: z.looseObject({ at: z.string() }),
  endsAt: z.string().optional(),
})
const listing = z.object({ sessions: z.array(row) })
const revoked = z.looseObject({ cutFlows: z.number() })

/** Adds `sessions` to `admin`. */
export function addSessionCommands(admin: Command, io: CliIo, run: Run): void {
  const sessions = admin
    .command('sessions')
    .description('who is logged in where: list, show and end sessions')
  withFilter(sessions.command('list'))
    .description('list sessions of browsers, devices and applications')
    .option('--json', 'print a JSON array')
    .addHelpText('after', '\nExample:\n  $ zt admin sessions list --user ann@example.com')
    .action((options: Filter & JsonOption) => run(() => list(io, options)))
  sessions
    .command('show')
    .description('show one session: identity, device, login, next login')
    .argument('<id>', 'id of the session')
    .option('--json', 'print it as one line of JSON')
    .action((id: string, options: JsonOption) => run(() => show(io, id, options)))
  withFilter(sessions.command('revoke'))
    .description('end sessions: live connections end now, the next one asks for a login')
    .argument('[id]', 'id of one session')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ zt admin sessions revoke --application wiki')
    .action((id: string | undefined, options: Filter & JsonOption) =>
      run(() => revoke(io, id, options)),
    )
}

function withFilter(command: Command): Command {
  return command
    .option('--user <email>', 'of this user')
    .option('--device <id>', 'of this device')
    .option('--application <name>', 'at this application')
}

async function list(io: CliIo, { json, ...filter }: Filter & JsonOption): Promise<number> {
  const query = new URLSearchParams(filter).toString()
  const answer = await io.admin.getJson(`/api/v1/sessions${query === '' ? '' : `?${query}`}`)
  const found = answer.ok ? readAnswer(listing, answer.value) : answer
  if (!found.ok) return report(io, found.error)
  const rows = found.value.sessions
  io.print(json ? JSON.stringify(rows) : sessionTable(rows))
  return EXIT.ok
}

async function show(io: CliIo, id: string, { json }: JsonOption): Promise<number> {
  const answer = await io.admin.getJson(`/api/v1/sessions/${encodeURIComponent(id)}`)
  if (!answer.ok) return report(io, answer.error)
  io.print(JSON.stringify(answer.value, undefined, json ? 0 : 2))
  return EXIT.ok
}

async function revoke(
  io: CliIo,
  id: string | undefined,
  { json, ...filter }: Filter & JsonOption,
): Promise<number> {
  const named = Object.keys(filter).length
  if ((id === undefined) === (named === 0) || named > 1) return report(io, WHICH)
  const answer = await (id === undefined
    ? io.admin.postJson('/api/v1/sessions/revoke', filter)
    : io.admin.postJson(`/api/v1/sessions/${encodeURIComponent(id)}/revoke`, {}))
  const done = answer.ok ? readAnswer(revoked, answer.value) : answer
  if (!done.ok) return report(io, done.error)
  const { cutFlows } = done.value
  io.print(json ? JSON.stringify(done.value) : `revoked; ${cutFlows} live flows ended`)
  return EXIT.ok
}

const WHICH: CliFailure = {
  code: 'which_sessions',
  message: 'Name one session by its id, or all with one of --user, --device and --application.',
  exitCode: EXIT.usage,
}

function sessionTable(rows: readonly z.infer<typeof row>[]): string {
  const headings = [
    'id',
    'kind',
    'user or service',
    'device',
    'application',
    'state',
    'logged in',
    'ends',
  ]
  return tableText(
    headings,
    rows.map((one) => [
      one.id,
      one.kind,
      one.user?.email ?? one.service?.name ?? '-',
      one.device?.name ?? '-',
      one.application ?? '-',
      one.state,
      one.login.at,
      one.endsAt ?? '-',
    ]),
  )
}
