/**
 * `zt admin requests`: list, approve, deny.
 */
import type { Command } from 'commander'
import { z } from 'zod'
import { readAnswer } from '../admin-answer.ts'
import { type CliIo, EXIT, report } from '../cli-io.ts'
import { tableText } from '../render.ts'
import type { Run } from './device.ts'

type JsonOption = { readonly json?: boolean }

/** A request of the admin API; what is more is passed on as it is. */
const row = z.looseObject({
  id: z.string(),
  kind: z.string(),
  state: z.string(),
  application: z.string(),
  user: z.string().nullable(),
  purpose: z.string(),
  requestedAt: z.string(),
  until: z.string().optional(),
})
const listing = z.object({ accessRequests: z.array(row) })
const decided = z.object({ accessRequest: row })

/** Adds `requests` to `admin`. */
export function addRequestCommands(admin: Command, io: CliIo, run: Run): void {
  const requests = admin
    .command('requests')
    .description('who asks for temporary access: list, approve and deny requests')
  requests
    .command('list')
    .description('list requests, newest first')
    .option('--json', 'print a JSON array')
    .action((options: JsonOption) => run(() => list(io, options)))
  for (const verb of ['approve', 'deny'] as const) {
    requests
      .command(verb)
      .description(`${verb} a request, in the name of an approver that the policy names`)
      .argument('<id>', 'id of the request')
      .requiredOption('--as <email>', 'who decides')
      .option('--json', 'print JSON')
      .addHelpText('after', `\nExample:\n  $ zt admin requests ${verb} ID --as lead@example.com`)
      .action((id: string, options: JsonOption & { as: string }) =>
        run(() => decide(io, verb, id, options)),
      )
  }
}

async function list(io: CliIo, { json }: JsonOption): Promise<number> {
  const answer = await io.admin.getJson('/api/v1/access-requests')
  const found = answer.ok ? readAnswer(listing, answer.value) : answer
  if (!found.ok) return report(io, found.error)
  const rows = found.value.accessRequests
  io.print(json ? JSON.stringify(rows) : requestTable(rows))
  return EXIT.ok
}

async function decide(
  io: CliIo,
  verb: 'approve' | 'deny',
  id: string,
  { json, as }: JsonOption & { readonly as: string },
): Promise<number> {
  const path = `/api/v1/access-requests/${encodeURIComponent(id)}/${verb}`
  const answer = await io.admin.postJson(path, { approver: as })
  const done = answer.ok ? readAnswer(decided, answer.value) : answer
  if (!done.ok) return report(io, done.error)
  const { accessRequest } = done.value
  const { state, until } = accessRequest
  const text = until === undefined ? state : `${state} until ${until}`
  io.print(json ? JSON.stringify(accessRequest) : text)
  return EXIT.ok
}

function requestTable(rows: readonly z.infer<typeof row>[]): string {
  return tableText(
    ['id', 'kind', 'user', 'application', 'state', 'asked', 'until', 'purpose'],
    rows.map((one) => [
      one.id,
      one.kind,
      one.user ?? '-',
      one.application,
      one.state,
      one.requestedAt,
      one.until ?? '-',
      one.purpose,
    ]),
  )
}
