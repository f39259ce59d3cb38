/**
 * `zt admin logs access`: who reached what, who was refused, and by which line of the policy.
 */
import type { Command } from 'commander'
import { z } from 'zod'
import { printFlowEndpoint } from '#lib/net/flow-endpoint'
import { readAnswer } from '../admin-answer.ts'
import { type CliFailure, type CliIo, EXIT, report } from '../cli-io.ts'
import { printable } from '../printable.ts'
import { addDnsLogCommand } from './admin-dns-log.ts'
import type { Run } from './device.ts'
import { type LookBackOptions, lookBack, readLookBack } from './look-back.ts'

type Options = LookBackOptions & {
  readonly user?: string
  readonly application?: string
  readonly decision?: string
  readonly reason?: string
  readonly follow?: boolean
  readonly json?: boolean
}

const flow = z.looseObject({
  type: z.literal('flow'),
  state: z.string(),
  openedAt: z.string(),
  user: z.string().exactOptional(),
  service: z.string().exactOptional(),
  device: z.string().exactOptional(),
  destination: z.looseObject({
    host: z.string(),
    port: z.number(),
    transport: z.enum(['tcp', 'udp', 'icmp']).exactOptional(),
  }),
  decision: z.string(),
  by: z.string(),
  reason: z.string().exactOptional(),
  application: z.string().exactOptional(),
  policy: z.string().exactOptional(),
  rule: z.string().exactOptional(),
  selector: z.string().exactOptional(),
  sentBytes: z.number().exactOptional(),
  receivedBytes: z.number().exactOptional(),
  droppedDatagrams: z.number().exactOptional(),
  closeReason: z.string().exactOptional(),
})
const followed = z.union([flow, z.looseObject({ type: z.string() })])

const PATH = '/api/v1/logs/access'

/** Adds `logs` to `admin`. */
export function addLogCommands(admin: Command, io: CliIo, run: Run): void {
  const logs = admin.command('logs').description('what was decided and what came of it')
  logs
    .command('access')
    .description('list flows, oldest first: who, where to, what was decided, by what and why')
    .option('--since <time>', 'from when on: 1h, 30d, or RFC 3339 in UTC')
    .option('--user <email>', 'of this user')
    .option('--application <name>', 'at this application')
    .option('--decision <decision>', 'permit or denial')
    .option('--reason <code>', 'with this reason')
    .option('--limit <count>', 'the newest so many', '100')
    .option('--follow', 'go on with what comes')
    .option('--json', 'print JSON lines')
    .addHelpText(
      'after',
      '\nExample:\n  $ zt admin logs access --decision denial --since 1h --follow',
    )
    .action((options: Options) => run(() => access(io, options)))
  addDnsLogCommand(logs, io, run)
}

async function access(io: CliIo, options: Options): Promise<number> {
  const { since, limit, follow, json, ...filter } = options
  const back = readLookBack({ limit, ...(since !== undefined && { since }) }, io.now())
  if ('exitCode' in back) return report(io, back)
  const show: Show = (line, text) => {
    if (json) io.print(JSON.stringify(line))
    else if (text !== undefined) io.print(text)
  }
  const stop = new AbortController()
  // Before looking back: what comes meanwhile is told twice rather than not at all.
  const live = follow
    ? await io.admin.lines(pathOf({ ...filter, follow: 'true' }), { signal: stop.signal })
    : undefined
  if (live !== undefined && !live.ok) return report(io, live.error)
  const query = { ...filter, ...back.query }
  const past = await lookBack(io, PATH, flow, { ...back, query })
  if ('exitCode' in past) {
    stop.abort()
    return report(io, past)
  }
  for (const line of past.toReversed()) show(line, lineText(line))
  return live === undefined ? EXIT.ok : followOn(io, live.value, show)
}

type Line = z.infer<typeof flow>
/** Lines without a text are for programs only. */
type Show = (line: unknown, text: string | undefined) => void

async function followOn(io: CliIo, live: AsyncIterable<unknown>, show: Show): Promise<number> {
  try {
    for await (const line of live) {
      const read = readAnswer(followed, line)
      if (!read.ok) return report(io, read.error)
      const told = read.value
      if (told.type !== 'idle') show(told, followedText(told))
    }
  } catch {
    // The end is told below either way.
  }
  return report(io, ENDED)
}

function followedText(told: z.infer<typeof followed>): string | undefined {
  const line = flow.safeParse(told)
  if (line.success) return lineText(line.data)
  if (told.type !== 'gap') return undefined
  return `… ${String((told as { lost?: unknown }).lost)} lines are missing here`
}

function pathOf(query: Readonly<Record<string, string>>): string {
  return `${PATH}?${new URLSearchParams(query).toString()}`
}

function lineText(line: Line): string {
  const names = [line.application, line.policy, line.rule].filter((one) => one !== undefined)
  const bytes =
    line.sentBytes === undefined ? [] : [`${line.sentBytes}/${line.receivedBytes ?? 0} B`]
  const words = [
    line.openedAt,
    line.service ?? line.user ?? '-',
    line.device ?? '-',
    printFlowEndpoint(line.destination),
    line.decision,
    line.reason ?? line.state,
    `${line.by}${names.length > 0 ? ` ${names.join('/')}` : ''}`,
    ...(line.selector === undefined ? [] : [`(${line.selector})`]),
    ...bytes,
    ...(line.droppedDatagrams ? [`${line.droppedDatagrams} dropped`] : []),
    ...(line.closeReason === undefined ? [] : [line.closeReason]),
  ]
  return printable(words.join('  '))
}

const ENDED: CliFailure = {
  code: 'broken_off',
  message: 'The gateway ended the log. Run the command again.',
  exitCode: EXIT.failed,
}
