/**
 * `zt admin ssh-targets`: scan, add, list, rotate-key, remove. The gateway connects; a key counts only when the
 * administrator accepts its fingerprint.
 */
import { type Command, Option } from 'commander'
import { z } from 'zod'
import { parseEndpoint, parseHost, printAuthority } from '#lib/net/endpoint'
import { err, ok, type Result } from '#lib/result'
import { readAnswer } from '../admin-answer.ts'
import { type CliFailure, type CliIo, EXIT, report } from '../cli-io.ts'
import { tableText } from '../render.ts'
import type { Run } from './device.ts'

type JsonOption = { readonly json?: boolean }
type Accepting = JsonOption & {
  readonly acceptKey: readonly string[]
  readonly acceptAuthority: readonly string[]
}
type Adding = Accepting & {
  readonly port: readonly number[]
  readonly tag: Readonly<Record<string, string>>
}

const PATH = '/api/v1/ssh-targets'
const SSH_PORT = 22

const key = z.object({ type: z.string(), fingerprint: z.string(), line: z.string() })
const scanned = z.object({ keys: z.array(key), authorities: z.array(key) })
const target = z.looseObject({
  label: z.string(),
  address: z.string(),
  ports: z.array(z.number()),
  tags: z.record(z.string(), z.string()),
  hostKeys: z.array(key),
  hostAuthorities: z.array(key),
})
const listed = target.extend({
  source: z.string(),
  applications: z.array(z.string()),
  why: z.string().optional(),
})
const listing = z.object({ sshTargets: z.array(listed) })
const changed = z.object({ sshTarget: target })
const removed = z.object({ removed: z.string() })

/** Adds `ssh-targets` to `admin`. */
export function addSshTargetCommands(admin: Command, io: CliIo, run: Run): void {
  const targets = admin
    .command('ssh-targets')
    .description('hosts that ssh applications lead to, and their host keys')
  targets
    .command('list')
    .description('list targets of the policy and registered ones')
    .option('--json', 'print a JSON array')
    .action((options: JsonOption) => run(() => list(io, options)))
  targets
    .command('scan')
    .description('ask a host for its keys; nothing is learnt')
    .argument('<host>', 'HOST or HOST:PORT, as the gateway reaches it')
    .option('--json', 'print JSON')
    .action((host: string, options: JsonOption) => run(() => scan(io, host, options)))
  accepting(targets.command('add'))
    .description('register a target with the host keys that you accept')
    .argument('<label>', 'what policies call it')
    .argument('<host>', 'host name or IP address, as users ask for it')
    .option('--port <port>', 'port of its sshd, may be repeated; default: 22', ports, [])
    .option('--tag <key=value>', 'tag for criteria, may be repeated', tags, {})
    .addHelpText(
      'after',
      '\nExample:\n  $ zt admin ssh-targets add db1 db1.corp.internal --tag env=prod --accept-key SHA256:…',
    )
    .action((label: string, address: string, options: Adding) =>
      run(() => add(io, label, address, options)),
    )
  accepting(targets.command('rotate-key'))
    .description('accept other keys in place of all that it had')
    .argument('<label>', 'label of a registered target')
    .action((label: string, options: Accepting) =>
      run(() => change(io, `${pathOf(label)}/rotate-key`, acceptance(options), options)),
    )
  targets
    .command('remove')
    .description('forget a registered target and its keys')
    .argument('<label>', 'label of a registered target')
    .option('--json', 'print JSON')
    .action((label: string, options: JsonOption) => run(() => remove(io, label, options)))
}

function accepting(command: Command): Command {
  return command
    .addOption(
      new Option('--accept-key <fingerprint>', 'host key that you accept, may be repeated')
        .argParser(collect)
        .default([], 'none'),
    )
    .addOption(
      new Option('--accept-authority <fingerprint>', 'authority whose host certificates you accept')
        .argParser(collect)
        .default([], 'none'),
    )
    .option('--json', 'print JSON')
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}

function ports(value: string, before: readonly number[]): readonly number[] {
  return [...before, Number(value)]
}

function tags(value: string, before: Readonly<Record<string, string>>) {
  const at = value.indexOf('=')
  return { ...before, [value.slice(0, Math.max(at, 0))]: value.slice(at + 1) }
}

function acceptance({ acceptKey, acceptAuthority }: Accepting) {
  return { acceptKeys: acceptKey, acceptAuthorities: acceptAuthority }
}

function pathOf(label: string): string {
  return `${PATH}/${encodeURIComponent(label)}`
}

async function scan(io: CliIo, text: string, { json }: JsonOption): Promise<number> {
  const endpoint = endpointOf(text)
  const answer = endpoint.ok ? await io.admin.postJson(`${PATH}/scan`, endpoint.value) : endpoint
  const found = answer.ok ? readAnswer(scanned, answer.value) : answer
  if (!found.ok) return report(io, found.error)
  const { keys, authorities } = found.value
  const rows = [
    ...keys.map((one) => ['host key', one.type, one.fingerprint]),
    ...authorities.map((one) => ['authority', one.type, one.fingerprint]),
  ]
  io.print(json ? JSON.stringify(found.value) : tableText(['what', 'type', 'fingerprint'], rows))
  if (!json) {
    io.warn(
      'Compare with what "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" prints on the host,',
    )
    io.warn(`then accept one: zt admin ssh-targets add LABEL ${text} --accept-key FINGERPRINT`)
  }
  return EXIT.ok
}

/** `HOST`, `HOST:PORT`, or an IPv6 address without brackets. */
function endpointOf(text: string): Result<{ host: string; port: number }, CliFailure> {
  if (parseHost(text).ok) return ok({ host: text, port: SSH_PORT })
  const parsed = parseEndpoint(text)
  if (parsed.ok) return ok({ host: text.slice(0, text.lastIndexOf(':')), port: parsed.value.port })
  return err({ code: 'bad_destination', message: 'Name HOST or HOST:PORT.', exitCode: EXIT.usage })
}

function add(io: CliIo, label: string, address: string, options: Adding): Promise<number> {
  const { port, tag } = options
  const body = {
    ...{ label, address, ...acceptance(options) },
    ...(port.length > 0 && { ports: port }),
    ...(Object.keys(tag).length > 0 && { tags: tag }),
  }
  return change(io, PATH, body, options)
}

async function change(
  io: CliIo,
  path: string,
  body: unknown,
  { json }: JsonOption,
): Promise<number> {
  const answer = await io.admin.postJson(path, body)
  const done = answer.ok ? readAnswer(changed, answer.value) : answer
  if (!done.ok) return report(io, done.error)
  const { sshTarget } = done.value
  const { label, address, hostKeys, hostAuthorities } = sshTarget
  const prints = [...hostKeys, ...hostAuthorities].map(({ fingerprint }) => fingerprint)
  io.print(json ? JSON.stringify(sshTarget) : `${label} (${address}): ${prints.join(', ')}`)
  return EXIT.ok
}

async function remove(io: CliIo, label: string, { json }: JsonOption): Promise<number> {
  const answer = await io.admin.postJson(`${pathOf(label)}/remove`, {})
  const done = answer.ok ? readAnswer(removed, answer.value) : answer
  if (!done.ok) return report(io, done.error)
  io.print(json ? JSON.stringify(done.value) : `${done.value.removed} is forgotten`)
  return EXIT.ok
}

async function list(io: CliIo, { json }: JsonOption): Promise<number> {
  const answer = await io.admin.getJson(PATH)
  const found = answer.ok ? readAnswer(listing, answer.value) : answer
  if (!found.ok) return report(io, found.error)
  const { sshTargets } = found.value
  io.print(json ? JSON.stringify(sshTargets) : targetTable(sshTargets))
  return EXIT.ok
}

function targetTable(targets: readonly z.infer<typeof listed>[]): string {
  return tableText(
    ['label', 'addresses', 'tags', 'from', 'applications', 'host keys and authorities'],
    targets.map((one) => [
      one.label,
      one.ports.map((port) => printAuthority({ host: one.address, port })).join(', '),
      Object.entries(one.tags)
        .map(([name, value]) => `${name}=${value}`)
        .join(', '),
      one.why === undefined ? one.source : `set aside: ${one.why}`,
      one.applications.join(', ') || '-',
      [...one.hostKeys, ...one.hostAuthorities].map((shown) => shown.fingerprint).join(', ') ||
        'none',
    ]),
  )
}
