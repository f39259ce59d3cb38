/**
 * `zt admin replay`: recorded flows, decided again by a proposed policy. For pipelines: the exit code says whether
 * anybody's access changes.
 */
import type { Command } from 'commander'
import { z } from 'zod'
import { BROKEN_OFF, readAnswer } from '../admin-answer.ts'
import { type CliIo, EXIT, report } from '../cli-io.ts'
import { tableText } from '../render.ts'
import { parseSince } from '../since.ts'
import type { Run } from './device.ts'

type Options = { readonly since: string; readonly config: string; readonly json?: boolean }

const counts = {
  flows: z.number(),
  unchanged: z.number(),
  newlyAllowed: z.number(),
  newlyDenied: z.number(),
  notComparable: z.number(),
  moreFlows: z.number(),
}
const group = z.looseObject({
  change: z.enum(['newly_allowed', 'newly_denied']),
  user: z.string(),
  application: z.string().exactOptional(),
  destination: z.string(),
  was: z.string(),
  becomes: z.string(),
  flows: z.number(),
  lastAt: z.string(),
})
const lineShape = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('progress'), flows: z.number() }),
  z.looseObject({ type: z.literal('report'), ...counts, groups: z.array(group) }),
])
type Report = Extract<z.infer<typeof lineShape>, { type: 'report' }>

/** Adds `replay` to `admin`. */
export function addReplayCommand(admin: Command, io: CliIo, run: Run): void {
  admin
    .command('replay')
    .description('decide recorded flows again by a proposed policy, and list what changes')
    .requiredOption('--config <file>', 'the proposed configuration or policy')
    .option('--since <time>', 'from when on: 30d, or RFC 3339 in UTC', '30d')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExit code 0: nothing changes, 4: somebody is newly allowed or denied.\n\nExample:\n  $ zt admin replay --since 30d --config new.yaml',
    )
    .action((options: Options) => run(() => replay(io, options)))
}

async function replay(io: CliIo, { since, config, json }: Options): Promise<number> {
  const from = parseSince(since, io.now())
  const policy = io.readText(config)
  if (!from.ok) return report(io, from.error)
  if (!policy.ok) return report(io, policy.error)
  const body = { policy: policy.value, since: from.value }
  const lines = await io.admin.lines('/api/v1/policy/replay', { body })
  if (!lines.ok) return report(io, lines.error)
  const found = await lastReport(io, lines.value)
  if (found === undefined) return report(io, BROKEN_OFF)
  io.print(json ? JSON.stringify(found) : reportText(found))
  return found.newlyAllowed + found.newlyDenied === 0 ? EXIT.ok : EXIT.denied
}

/** Progress goes to standard error. */
async function lastReport(io: CliIo, lines: AsyncIterable<unknown>): Promise<Report | undefined> {
  try {
    for await (const line of lines) {
      const read = readAnswer(lineShape, line)
      if (!read.ok) return undefined
      if (read.value.type === 'report') return read.value
      io.warn(`${read.value.flows} flows decided again`)
    }
  } catch {
    // As good as an end without a report.
  }
  return undefined
}

function reportText(found: Report): string {
  const { flows, unchanged, newlyAllowed, newlyDenied, notComparable, groups, moreFlows } = found
  const headings = [
    'change',
    'user',
    'application',
    'destination',
    'was',
    'becomes',
    'flows',
    'last',
  ]
  const rows = groups.map((one) => [
    one.change,
    one.user,
    one.application ?? '-',
    one.destination,
    one.was,
    one.becomes,
    String(one.flows),
    one.lastAt,
  ])
  return [
    `${flows} flows: ${unchanged} unchanged, ${newlyAllowed} newly allowed, ${newlyDenied} newly denied, ${notComparable} not comparable`,
    ...(rows.length === 0 ? [] : [tableText(headings, rows)]),
    ...(moreFlows === 0 ? [] : [`and ${moreFlows} changed flows in further groups`]),
  ].join('\n')
}
