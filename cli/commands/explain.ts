/**
 * `zt explain`: why a destination would be reached or not; with `--admin`, for any user and with everything behind it.
 */
import type { Command } from 'commander'
import { z } from 'zod'
import { type FlowEndpoint, printFlowEndpoint } from '#lib/net/flow-endpoint'
import type { ExplainTarget } from '#lib/wire/control-message'
import { readAnswer } from '../admin-answer.ts'
import { type CliIo, EXIT, report } from '../cli-io.ts'
import { parseFlowArguments } from '../destination.ts'
import { printable } from '../printable.ts'
import { explanationExitCode, explanationText } from '../render-explanation.ts'
import { traceStep, traceText } from '../render-trace.ts'
import { ask, type Run } from './device.ts'
import { explainName } from './explain-name.ts'

type Options = {
  readonly admin?: boolean
  readonly dns?: boolean
  readonly user?: string
  readonly device?: string
  readonly udp?: boolean
  readonly icmp?: boolean
  readonly json?: boolean
}

const full = z.looseObject({
  host: z.string(),
  port: z.number(),
  transport: z.enum(['tcp', 'udp', 'icmp']).exactOptional(),
  verdict: z.enum(['permit', 'denial']),
  reason: z.string(),
  sentence: z.string(),
  remedy: z.string().exactOptional(),
  revision: z.number(),
  steps: z.array(
    z.looseObject({
      step: z.string(),
      outcome: z.enum(['passed', 'failed', 'not_reached']),
      detail: z.string().exactOptional(),
    }),
  ),
  trace: z.array(traceStep),
  facts: z.unknown(),
})

/** Adds `explain` to `program`. */
export function addExplainCommand(program: Command, io: CliIo, run: Run): void {
  program
    .command('explain')
    .description('say step by step whether a destination is reached, and what is in the way')
    .argument('<host>', 'host name or address; HOST:PORT too')
    .argument('[port]', 'port; 443 where none is written')
    .option('--udp', 'for UDP to that port')
    .option('--icmp', 'for ping, which has no port')
    .option('--dns', 'for a question of the DNS: a name, and a record type in place of the port')
    .option('--admin', 'ask the admin API about any user: trace, facts and revision too')
    .option('--user <email>', 'with --admin: whom it is about')
    .option('--device <id>', 'with --admin: on this device; else on the one last seen')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExit code 0: permitted and reachable, 4: denied or not reachable.\n\nExamples:\n  $ zt explain db1.corp.internal 22\n  $ zt explain --dns wiki.corp.internal AAAA',
    )
    .action((host: string, port: string | undefined, options: Options) =>
      run(async () => {
        if (options.dns) return explainName(io, host, port, options)
        const to = parseFlowArguments(host, port, options)
        if (!to.ok) return report(io, to.error)
        if (options.admin) return askAdmin(io, to.value, options)
        return ask(io, { method: 'explain', ...asked(to.value) }, options)
      }),
    )
}

/** A daemon of an older version knows TCP alone, and no key for it. */
function asked({ host, port, transport }: FlowEndpoint): ExplainTarget {
  return { host, port, ...(transport !== 'tcp' && { transport }) }
}

async function askAdmin(io: CliIo, to: FlowEndpoint, options: Options): Promise<number> {
  const { user, device, json } = options
  if (user === undefined) {
    const message = 'Name whom it is about with --user.'
    return report(io, { code: 'which_user', message, exitCode: EXIT.usage })
  }
  const question = { user, to: printFlowEndpoint(to), ...(device !== undefined && { device }) }
  const answer = await io.admin.postJson('/api/v1/explain', question)
  if (!answer.ok) return report(io, answer.error)
  const read = readAnswer(z.object({ explanation: full }), answer.value)
  if (!read.ok) return report(io, read.error)
  const { explanation } = read.value
  io.print(json ? JSON.stringify(explanation) : fullText(explanation))
  return explanationExitCode(explanation)
}

function fullText(explanation: z.infer<typeof full>): string {
  const { revision, trace, facts } = explanation
  return [
    explanationText(explanation),
    `decided by revision ${revision}:`,
    ...trace.map(traceText),
    `facts: ${printable(JSON.stringify(facts))}`,
  ].join('\n')
}
