/** `zt admin dns`: the resolvers that the gateway asks for private names. */
import type { Command } from 'commander'
import { z } from 'zod'
import { readAnswer } from '../admin-answer.ts'
import { type CliIo, EXIT, report } from '../cli-io.ts'
import { printable } from '../printable.ts'
import type { Run } from './device.ts'

const resolver = z.looseObject({
  resolver: z.string(),
  state: z.string(),
  answers: z.number(),
  failures: z.number(),
  failuresInARow: z.number(),
  lastAnswerAt: z.string().exactOptional(),
  lastFailureAt: z.string().exactOptional(),
  medianMs: z.number().exactOptional(),
})
type Resolver = z.infer<typeof resolver>
const zones = z.array(
  z.looseObject({ zone: z.string().exactOptional(), resolvers: z.array(resolver) }),
)

/** Adds `dns` to `admin`. */
export function addDnsCommands(admin: Command, io: CliIo, run: Run): void {
  admin
    .command('dns')
    .description('look after the DNS of private names')
    .command('resolvers')
    .description('say how the resolvers of each zone do, and those of the gateway’s machine')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExit code 4 where one is failing.\n\nExample:\n  $ zt admin dns resolvers',
    )
    .action((options: { readonly json?: boolean }) => run(() => resolvers(io, options)))
}

async function resolvers(io: CliIo, { json }: { readonly json?: boolean }): Promise<number> {
  const answer = await io.admin.getJson('/api/v1/dns/resolvers')
  if (!answer.ok) return report(io, answer.error)
  const read = readAnswer(z.object({ zones }), answer.value)
  if (!read.ok) return report(io, read.error)
  if (json) io.print(JSON.stringify(read.value))
  for (const { zone = '(the machine)', resolvers: all } of json ? [] : read.value.zones) {
    for (const one of all) io.print(printable(`${zone}  ${textOf(one)}`))
  }
  const isFailing = read.value.zones.some(({ resolvers: all }) => all.some(fails))
  return isFailing ? EXIT.denied : EXIT.ok
}

function fails({ state }: Resolver): boolean {
  return state === 'failing'
}

function textOf(one: Resolver): string {
  const { resolver: address, state, answers, failures, lastAnswerAt, lastFailureAt } = one
  return [
    ...[address, state, `${answers} answers`, `${failures} failures`],
    ...(one.medianMs === undefined ? [] : [`median ${one.medianMs} ms`]),
    ...(lastAnswerAt === undefined ? [] : [`last answer ${lastAnswerAt}`]),
    ...(lastFailureAt === undefined ? [] : [`last failure ${lastFailureAt}`]),
  ].join('  ')
}
