/**
 * `zt admin test`: what a policy decides about one user, or about everybody; with `--config`, what a proposed one would.
 */
import type { Command } from 'commander'
import { z } from 'zod'
import { printFlowEndpoint } from '#lib/net/flow-endpoint'
import { readAnswer } from '../admin-answer.ts'
import { type CliIo, EXIT, report } from '../cli-io.ts'
import { parseFlowArguments } from '../destination.ts'
import { printable } from '../printable.ts'
import { tableText } from '../render.ts'
import { traceStep, traceText } from '../render-trace.ts'
import type { Run } from './device.ts'

type Options = {
  readonly to: string
  readonly user?: string
  readonly device?: string
  readonly from?: string
  readonly country?: string
  readonly config?: string
  readonly changed?: boolean
  readonly json?: boolean
}

const outcome = z.looseObject({
  verdict: z.enum(['permit', 'denial']),
  reason: z.string(),
  application: z.string().exactOptional(),
  policy: z.string().exactOptional(),
  rule: z.string().exactOptional(),
})
const decided = outcome.extend({ trace: z.array(traceStep) })
const decision = z.looseObject({
  user: z.string(),
  device: z.string(),
  inForce: decided,
  proposed: decided.exactOptional(),
})
const tally = z.looseObject({
  permitted: z.number(),
  denied: z.number(),
  permittedPercent: z.number(),
  reasons: z.record(z.string(), z.number()),
})
const population = z.looseObject({
  total: z.number(),
  inForce: tally,
  proposed: tally.exactOptional(),
  newlyPermitted: z.number(),
  newlyDenied: z.number(),
  rows: z.array(
    z.looseObject({
      user: z.string(),
      device: z.string(),
      inForce: outcome,
      proposed: outcome.exactOptional(),
    }),
  ),
  moreRows: z.number(),
})
const answerShape = z.union([z.strictObject({ decision }), z.strictObject({ population })])

/** Adds `test` to `admin`. */
export function addPolicyTestCommand(admin: Command, io: CliIo, run: Run): void {
  admin
    .command('test')
    .description('say what the policy, or a proposed one, decides about a user or about everybody')
    .requiredOption('--to <host:port>', 'where to; HOST:PORT/udp and HOST/icmp too')
    .option('--user <email>', 'who; without it, everybody who is enrolled')
    .option('--device <id>', 'on this device; else on the one last seen')
    .option('--from <address>', 'address the tunnel would come from')
    .option('--country <code>', 'country the tunnel would come from, such as DE')
    .option('--config <file>', 'a proposed configuration or policy, to compare with')
    .option('--changed', 'of everybody, list only whom the proposed policy decides otherwise')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExit code 0: permitted, and nothing changes; 4: denied, or something changes.\n\nExample:\n  $ zt admin test --user ann@example.com --to db1.corp.internal:22',
    )
    .action((options: Options) => run(() => test(io, options)))
}

async function test(io: CliIo, options: Options): Promise<number> {
  const { to: toText, config, json, ...rest } = options
  const to = parseFlowArguments(toText)
  if (!to.ok) return report(io, to.error)
  const policy = config === undefined ? undefined : io.readText(config)
  if (policy !== undefined && !policy.ok) return report(io, policy.error)
  const question = { ...rest, to: printFlowEndpoint(to.value) }
  const body = policy === undefined ? question : { ...question, policy: policy.value }
  const answer = await io.admin.postJson('/api/v1/policy/test', body)
  const read = answer.ok ? readAnswer(answerShape, answer.value) : answer
  if (!read.ok) return report(io, read.error)
  const told = read.value
  io.print(
    json ? JSON.stringify('decision' in told ? told.decision : told.population) : textOf(told),
  )
  return exitCodeOf(told)
}

type Told = z.infer<typeof answerShape>
type Outcome = z.infer<typeof outcome>

function exitCodeOf(told: Told): number {
  if ('decision' in told) {
    const { inForce, proposed = inForce } = told.decision
    const isSame = proposed.verdict === inForce.verdict
    return proposed.verdict === 'permit' && isSame ? EXIT.ok : EXIT.denied
  }
  const { newlyDenied, newlyPermitted } = told.population
  return newlyDenied + newlyPermitted === 0 ? EXIT.ok : EXIT.denied
}

function textOf(told: Told): string {
  return 'decision' in told ? decisionText(told.decision) : populationText(told.population)
}

function decisionText({ user, device, inForce, proposed }: z.infer<typeof decision>): string {
  const about = (title: string, one: z.infer<typeof decided>) => [
    `${title}: ${outcomeText(one)}`,
    ...one.trace.map(traceText),
  ]
  return [
    printable(`${user} on ${device}`),
    ...about('in force', inForce),
    ...(proposed === undefined ? [] : about('proposed', proposed)),
  ].join('\n')
}

function populationText(told: z.infer<typeof population>): string {
  const { total, inForce, proposed, newlyPermitted, newlyDenied, rows, moreRows } = told
  const headings = ['user', 'device', 'in force', ...(proposed === undefined ? [] : ['proposed'])]
  const cells = rows.map((row) => [
    row.user,
    row.device,
    outcomeText(row.inForce),
    ...(row.proposed === undefined ? [] : [outcomeText(row.proposed)]),
  ])
  return [
    `${total} enrolled devices with their users, as last seen`,
    tallyText('in force', inForce),
    ...(proposed === undefined
      ? []
      : [
          tallyText('proposed', proposed),
          `newly permitted ${newlyPermitted}, newly denied ${newlyDenied}`,
        ]),
    ...(rows.length === 0 ? [] : [tableText(headings, cells)]),
    ...(moreRows === 0 ? [] : [`and ${moreRows} more`]),
  ].join('\n')
}

function tallyText(title: string, one: z.infer<typeof tally>): string {
  const reasons = Object.entries(one.reasons).map(([reason, count]) => `${reason} ${count}`)
  return printable(
    `${title}: ${one.permitted} permitted (${one.permittedPercent} %), ${one.denied} denied: ${reasons.join(', ')}`,
  )
}

function outcomeText({ verdict, reason, application, policy, rule }: Outcome): string {
  const by = [application, policy, rule].filter((one) => one !== undefined).join('/')
  return printable(`${verdict} ${reason}${by === '' ? '' : ` ${by}`}`)
}
