/**
 * `zt admin service-tokens`: create, list, rotate, disable, enable. A secret is printed once, or goes into a new file.
 */
import type { Command } from 'commander'
import { z } from 'zod'
import { encodeServiceCredentials } from '#lib/enrol/service-credentials'
import { err, ok, type Result } from '#lib/result'
import { readAnswer } from '../admin-answer.ts'
import { type CliFailure, type CliIo, EXIT, report } from '../cli-io.ts'
import { tableText } from '../render.ts'
import { seconds } from '../seconds.ts'
import type { Run } from './device.ts'

type JsonOption = { readonly json?: boolean }
type Issue = JsonOption & {
  readonly expires?: string
  readonly grace?: string
  readonly out?: string
}

const PATH = '/api/v1/service-tokens'
const ID = /^zt-service-/

/** A token of the admin API; what is more is passed on as it is. */
const token = z.looseObject({
  id: z.string(),
  name: z.string(),
  state: z.string(),
  expiresAt: z.string(),
  endsWithinDays: z.number().optional(),
  lastUsedAt: z.string().optional(),
  oldSecretUntil: z.string().optional(),
})
const listing = z.object({ serviceTokens: z.array(token) })
const issued = z.object({ serviceToken: token, secret: z.string() })
const changed = z.object({ serviceToken: token, cutFlows: z.number() })

/** Adds `service-tokens` to `admin`. */
export function addServiceTokenCommands(admin: Command, io: CliIo, run: Run): void {
  const tokens = admin
    .command('service-tokens')
    .description('tokens that devices without a person enrol with')
  withIssue(tokens.command('create'))
    .description('make a token; its secret is shown this once')
    .argument('<name>', 'name that policies use: lower case, one token each')
    .addHelpText(
      'after',
      '\nExample:\n  $ zt admin service-tokens create backup --out backup.token',
    )
    .action((name: string, options: Issue) =>
      run(() => issue(io, options, async (wish) => io.admin.postJson(PATH, { name, ...wish }))),
    )
  tokens
    .command('list')
    .description('list tokens: state, end, last use')
    .option('--json', 'print a JSON array')
    .action((options: JsonOption) => run(() => list(io, options)))
  withIssue(tokens.command('rotate'))
    .description('give a token another secret and a new life; enrolled devices go on')
    .argument('<token>', 'name or id')
    .option('--grace <duration>', 'how long the old secret stays good, at most 30d; default: not')
    .addHelpText('after', '\nExample:\n  $ zt admin service-tokens rotate backup --grace 24h')
    .action((which: string, options: Issue) =>
      run(() => issue(io, options, (wish) => post(io, which, 'rotate', wish))),
    )
  for (const [verb, summary] of [
    ['disable', 'disable a token: live connections of its devices end now'],
    ['enable', 'enable it again'],
  ] as const) {
    tokens
      .command(verb)
      .description(summary)
      .argument('<token>', 'name or id')
      .option('--json', 'print JSON')
      .action((which: string, options: JsonOption) => run(() => change(io, which, verb, options)))
  }
}

function withIssue(command: Command): Command {
  return command
    .option('--expires <duration>', 'how long it is good, at most 366d; default: 365d')
    .option('--out <file>', 'write id and secret to this new file, mode 0600, and print no secret')
    .option('--json', 'print JSON')
}

type Answer = Promise<Result<unknown, CliFailure>>

/** The file is made first: a secret that cannot be kept anywhere must not come to be. */
async function issue(
  io: CliIo,
  { expires, grace, out, json }: Issue,
  ask: (wish: Readonly<Record<string, number>>) => Answer,
): Promise<number> {
  const lifetime = seconds('lifetimeSeconds', expires)
  const overlap = seconds('graceSeconds', grace)
  if (!lifetime.ok) return report(io, lifetime.error)
  if (!overlap.ok) return report(io, overlap.error)
  const file = out === undefined ? undefined : io.secrets.create(out)
  if (file?.ok === false) return report(io, file.error)
  const answer = await ask({ ...lifetime.value, ...overlap.value })
  const made = answer.ok ? readAnswer(issued, answer.value) : answer
  if (!made.ok) {
    file?.value.discard()
    return report(io, made.error)
  }
  const { serviceToken, secret } = made.value
  const credentials = encodeServiceCredentials({ id: serviceToken.id, secret })
  file?.value.keep(credentials)
  const { name, expiresAt } = serviceToken
  if (json) io.print(JSON.stringify(out === undefined ? made.value : { serviceToken }))
  else if (out !== undefined) io.print(`service token ${name}, good until ${expiresAt}, in ${out}`)
  else {
    io.warn(`service token ${name}, good until ${expiresAt}; its secret is shown this once:`)
    io.print(credentials)
  }
  return EXIT.ok
}

async function list(io: CliIo, { json }: JsonOption): Promise<number> {
  const found = await listed(io)
  if (!found.ok) return report(io, found.error)
  io.print(json ? JSON.stringify(found.value) : tokenTable(found.value))
  return EXIT.ok
}

async function change(
  io: CliIo,
  which: string,
  verb: 'disable' | 'enable',
  { json }: JsonOption,
): Promise<number> {
  const answer = await post(io, which, verb, {})
  const done = answer.ok ? readAnswer(changed, answer.value) : answer
  if (!done.ok) return report(io, done.error)
  const { serviceToken, cutFlows } = done.value
  const text = `${serviceToken.name} is ${serviceToken.state}; ${cutFlows} live flows ended`
  io.print(json ? JSON.stringify(done.value) : text)
  return EXIT.ok
}

async function post(io: CliIo, which: string, verb: string, body: unknown): Answer {
  const id = ID.test(which) ? ok(which) : await idOf(io, which)
  return id.ok ? io.admin.postJson(`${PATH}/${encodeURIComponent(id.value)}/${verb}`, body) : id
}

async function idOf(io: CliIo, name: string): Promise<Result<string, CliFailure>> {
  const found = await listed(io)
  if (!found.ok) return found
  const one = found.value.find((each) => each.name === name)
  if (one !== undefined) return ok(one.id)
  const message = `There is no service token "${name}".`
  return err({ code: 'no_such_service_token', message, exitCode: EXIT.failed })
}

async function listed(io: CliIo) {
  const answer = await io.admin.getJson(PATH)
  const found = answer.ok ? readAnswer(listing, answer.value) : answer
  return found.ok ? ok(found.value.serviceTokens) : found
}

function tokenTable(tokens: readonly z.infer<typeof token>[]): string {
  return tableText(
    ['id', 'name', 'state', 'expires', 'last used', 'old secret until'],
    tokens.map((one) => [
      one.id,
      one.name,
      one.state,
      one.endsWithinDays ? `${one.expiresAt} (within ${one.endsWithinDays} d)` : one.expiresAt,
      one.lastUsedAt ?? 'never',
      one.oldSecretUntil ?? '-',
    ]),
  )
}
