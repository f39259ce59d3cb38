/** `zt recordings list` and `show`: what the gateway's store says of recordings. */
import type { Command } from 'commander'
import { z } from 'zod'
import { readAnswer } from '../admin-answer.ts'
import { type CliFailure, type CliIo, EXIT, report } from '../cli-io.ts'
import { tableText } from '../render.ts'
import type { Run } from './device.ts'

/** A row of the admin API; what is more is passed on as it is. */
const row = z.looseObject({
  id: z.string(),
  startedAt: z.string(),
  user: z.string(),
  unixUser: z.string(),
  target: z.string(),
  state: z.string(),
  sizeBytes: z.number(),
  parent: z.string().optional(),
})
type Row = z.infer<typeof row>
const listing = z.object({ recordings: z.array(row) })
const one = z.object({ recording: row })

type JsonOption = { readonly json?: boolean }
type ListOptions = JsonOption & {
  readonly limit: string
  readonly inside?: string
  readonly outermost?: boolean
}

export function addList(recordings: Command, io: CliIo, run: Run): void {
  recordings
    .command('list')
    .description('list recordings, newest first')
    .option('--json', 'print a JSON array of {id, startedAt, user, target, …}')
    .option('--limit <count>', 'at most this many', '100')
    .option('--inside <id>', 'only sessions that went on right inside this one (ssh -J)')
    .option('--outermost', 'only sessions that went on inside no other')
    .addHelpText('after', '\nExample:\n  $ zt recordings list --json | jq -r ".[0].id"')
    .action((options: ListOptions) => run(() => list(io, options)))
}

export function addShow(recordings: Command, io: CliIo, run: Run): void {
  recordings
    .command('show')
    .description('show what the gateway knows of one recording, without opening it')
    .argument('<id>', 'id of the recording')
    .option('--json', 'print it as one line of JSON')
    .action((id: string, options: JsonOption) => run(() => show(io, id, options)))
}

async function list(io: CliIo, options: ListOptions): Promise<number> {
  const { json, limit, inside, outermost = false } = options
  if (outermost && inside !== undefined) return report(io, CONTRADICTION)
  const parent = outermost ? 'none' : inside
  const query = new URLSearchParams({ limit, ...(parent !== undefined && { parent }) })
  const answer = await io.admin.getJson(`/api/v1/recordings?${query}`)
  const found = answer.ok ? readAnswer(listing, answer.value) : answer
  if (!found.ok) return report(io, found.error)
  const rows = found.value.recordings
  io.print(json ? JSON.stringify(rows) : listText(rows))
  return EXIT.ok
}

async function show(io: CliIo, id: string, { json }: JsonOption): Promise<number> {
  const answer = await io.admin.getJson(`/api/v1/recordings/${encodeURIComponent(id)}`)
  const found = answer.ok ? readAnswer(one, answer.value) : answer
  if (!found.ok) return report(io, found.error)
  io.print(JSON.stringify(found.value.recording, undefined, json ? 0 : 2))
  return EXIT.ok
}

const CONTRADICTION: CliFailure = {
  code: 'bad_option',
  message: '--inside and --outermost exclude each other',
  exitCode: EXIT.usage,
}

function listText(rows: readonly Row[]): string {
  const headings = ['id', 'started', 'user', 'as', 'target', 'state', 'bytes', 'inside']
  return tableText(
    headings,
    rows.map(({ id, startedAt, user, unixUser, target, state, sizeBytes, parent = '-' }) => [
      ...[id, startedAt, user, unixUser, target, state, String(sizeBytes), parent],
    ]),
  )
}
