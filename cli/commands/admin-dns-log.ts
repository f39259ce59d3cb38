/** `zt admin logs dns`: who asked for which private name, and what was answered. */
import type { Command } from 'commander'
import { z } from 'zod'
import { type CliIo, EXIT, report } from '../cli-io.ts'
import { printable } from '../printable.ts'
import type { Run } from './device.ts'
import { type LookBackOptions, lookBack, readLookBack } from './look-back.ts'

type Options = LookBackOptions & {
  readonly user?: string
  readonly device?: string
  readonly name?: string
  readonly verdict?: string
  readonly rule?: string
  readonly json?: boolean
}

const line = z.looseObject({
  at: z.string(),
  user: z.string(),
  service: z.string().exactOptional(),
  device: z.string(),
  name: z.string(),
  type: z.string(),
  verdict: z.string(),
  reason: z.string(),
  rule: z.string().exactOptional(),
  alias: z.string().exactOptional(),
  answer: z.string().exactOptional(),
  resolver: z.string().exactOptional(),
  durationMs: z.number(),
})
type Line = z.infer<typeof line>

/** Adds `dns` to `admin logs`. */
export function addDnsLogCommand(logs: Command, io: CliIo, run: Run): void {
  logs
    .command('dns')
    .description('list questions about private names, oldest first: who, what, and what came of it')
    .option('--since <time>', 'from when on: 1h, 30d, or RFC 3339 in UTC')
    .option('--user <email>', 'of this user')
    .option('--device <id>', 'of this device')
    .option('--name <name>', 'this name, and all below it')
    .option('--verdict <verdict>', 'permit, override or denial')
    .option('--rule <name>', 'decided by this rule')
    .option('--limit <count>', 'the newest so many', '100')
    .option('--json', 'print JSON lines')
    .addHelpText(
      'after',
      '\nExamples:\n  $ zt admin logs dns --verdict denial --since 1h\n  $ zt admin logs dns --name corp.internal --user ann@example.com --json',
    )
    .action((options: Options) => run(() => list(io, options)))
}

async function list(io: CliIo, options: Options): Promise<number> {
  const { since, limit, json, ...filter } = options
  const back = readLookBack({ limit, ...(since !== undefined && { since }) }, io.now())
  if ('exitCode' in back) return report(io, back)
  const query = { ...filter, ...back.query }
  const lines = await lookBack(io, '/api/v1/logs/dns', line, { ...back, query })
  if ('exitCode' in lines) return report(io, lines)
  for (const one of lines.toReversed()) io.print(json ? JSON.stringify(one) : textOf(one))
  return EXIT.ok
}

function textOf(one: Line): string {
  const { at, user, service, device, name, type, verdict, answer, resolver } = one
  const words = [
    ...[at, service ?? user, device, name, type, verdict, answer ?? 'refused'],
    decidedBy(one),
    ...(resolver === undefined ? [] : [resolver]),
    `${one.durationMs} ms`,
  ]
  return printable(words.join('  '))
}

function decidedBy({ reason, rule, alias }: Line): string {
  const by = rule === undefined ? reason : `${reason} ${rule}`
  return alias === undefined ? by : `${by} (${alias})`
}
