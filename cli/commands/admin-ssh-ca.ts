/**
 * `zt admin ssh-ca`: the SSH authorities. List, show, create, rotate; what hosts need of them is in ./admin-ssh-host.ts.
 */
import { type Command, Option } from 'commander'
import { z } from 'zod'
import { duration } from '#lib/config/text-shapes'
import { err, ok, type Result } from '#lib/result'
import { readAnswer } from '../admin-answer.ts'
import { type CliFailure, type CliIo, EXIT, report } from '../cli-io.ts'
import { tableText } from '../render.ts'
import { addSshHostCommands } from './admin-ssh-host.ts'
import { AUTHORITIES_PATH, authority, listAuthorities, trustedLines } from './admin-ssh-trust.ts'
import type { Run } from './device.ts'

type JsonOption = { readonly json?: boolean }
type KeyOptions = JsonOption & {
  readonly type?: string
  readonly key?: string
  readonly agent?: string
  readonly fingerprint?: string
  readonly overlap?: string
}
type RevokeOptions = JsonOption & {
  readonly serial?: string
  readonly keyId?: string
  readonly ca?: string
}

const adopted = z.object({ sshAuthority: authority })
const certificate = z.looseObject({
  serial: z.string(),
  kind: z.string(),
  keyId: z.string(),
  principals: z.array(z.string()),
  userEmail: z.string().optional(),
  deviceId: z.string().optional(),
  issuedAt: z.string(),
  validUntil: z.string(),
  revoked: z.boolean().optional(),
})
const certificateListing = z.object({ sshCertificates: z.array(certificate) })

/** Adds `ssh-ca` to `admin`. */
export function addSshCaCommands(admin: Command, io: CliIo, run: Run): void {
  const group = admin
    .command('ssh-ca')
    .description('SSH authorities: user (logins at targets), host, client (held by people)')
  group
    .command('list')
    .description('list the keys of all authorities, with state')
    .option('--json', 'print a JSON array')
    .action((options: JsonOption) => run(() => list(io, options)))
  group
    .command('show')
    .description('print the public keys of an authority that count now, for TrustedUserCAKeys')
    .argument('<name>', 'user, host or client')
    .action((name: string) => run(() => show(io, name)))
  withKey(group.command('create'))
    .description('make an authority that is not there yet: client')
    .argument('<name>', 'client: hosts that trust it let people in past the gateway, unrecorded')
    .addHelpText('after', '\nExample:\n  $ zt admin ssh-ca create client')
    .action((name: string, options: KeyOptions) => run(() => adopt(io, name, 'create', options)))
  withKey(group.command('rotate'))
    .description('have another key sign; the one before counts until the overlap ends')
    .argument('<name>', 'user, host or client')
    .option('--overlap <duration>', 'how long the key before is published and accepted', '7d')
    .addHelpText('after', '\nExample:\n  $ zt admin ssh-ca rotate user --overlap 7d')
    .action((name: string, options: KeyOptions) => run(() => adopt(io, name, 'rotate', options)))
  group
    .command('revoke')
    .description('revoke for good: sessions that were opened by it end now')
    .option('--serial <number>', 'one certificate')
    .option('--key-id <id>', 'certificates with this key id')
    .option('--ca <fingerprint>', 'all that a key of an authority has signed')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ zt admin ssh-ca revoke --serial 4711')
    .action((options: RevokeOptions) => run(() => revoke(io, options)))
  group
    .command('certificates')
    .description('list the certificates of people and hosts, newest first')
    .option('--limit <count>', 'at most this many', '100')
    .option('--json', 'print a JSON array')
    .action((options: JsonOption & { limit: string }) => run(() => certificates(io, options)))
  addSshHostCommands(group, io, run)
}

function withKey(command: Command): Command {
  return command
    .addOption(new Option('--type <type>', 'kind of the new key').choices(['ed25519', 'ecdsa']))
    .option('--key <file>', 'take this private key: no passphrase, mode 0600')
    .option(
      '--agent <socket>',
      'the key is with this SSH agent of the gateway (PKCS#11: ssh-add -s)',
    )
    .option('--fingerprint <sha256>', 'which key of the agent')
    .option('--json', 'print JSON')
}

async function list(io: CliIo, { json }: JsonOption): Promise<number> {
  const found = await listAuthorities(io)
  if (!found.ok) return report(io, found.error)
  const rows = found.value.map((one) => [
    one.name,
    one.trustedUntil === undefined ? (one.state ?? '-') : `${one.state} (${one.trustedUntil})`,
    one.fingerprint,
    one.custody.kind,
    one.createdAt,
  ])
  const table = () => tableText(['authority', 'state', 'key', 'kept in', 'since'], rows)
  io.print(json ? JSON.stringify(found.value) : table())
  return EXIT.ok
}

async function show(io: CliIo, name: string): Promise<number> {
  const lines = await trustedLines(io, name)
  if (!lines.ok) return report(io, lines.error)
  for (const line of lines.value) io.print(line)
  return EXIT.ok
}

async function adopt(
  io: CliIo,
  name: string,
  verb: 'create' | 'rotate',
  options: KeyOptions,
): Promise<number> {
  const source = await sourceOf(io, options)
  if (!source.ok) return report(io, source.error)
  const { value: overlapMs, mistakes } = duration.decode(options.overlap ?? '7d', [])
  if (overlapMs === undefined) {
    const message = mistakes[0]?.message ?? 'bad duration'
    return report(io, { code: 'bad_duration', message, exitCode: EXIT.usage })
  }
  const body = { source: source.value, overlapSeconds: Math.floor(overlapMs / 1000) }
  const path = `${AUTHORITIES_PATH}/${encodeURIComponent(name)}/${verb}`
  const answer = await io.admin.postJson(path, body)
  const done = answer.ok ? readAnswer(adopted, answer.value) : answer
  if (!done.ok) return report(io, done.error)
  const { sshAuthority } = done.value
  io.print(options.json ? JSON.stringify(sshAuthority) : sshAuthority.publicKey)
  return EXIT.ok
}

async function sourceOf(
  io: CliIo,
  { type = 'ed25519', key, agent, fingerprint }: KeyOptions,
): Promise<Result<unknown, CliFailure>> {
  if (agent !== undefined && fingerprint !== undefined && key === undefined) {
    return ok({ agent: { socket: agent, fingerprint } })
  }
  if (agent !== undefined || fingerprint !== undefined) {
    const message = '--agent and --fingerprint go together, and without --key.'
    return err({ code: 'bad_options', message, exitCode: EXIT.usage })
  }
  if (key === undefined) return ok({ type })
  const text = await io.secrets.read(key)
  return text.ok ? ok({ privateKey: `${text.value}\n` }) : text
}

async function revoke(io: CliIo, { serial, keyId, ca, json }: RevokeOptions): Promise<number> {
  const named = { serial, keyId, authority: ca }
  const [first, ...more] = Object.entries(named).filter(([, value]) => value !== undefined)
  if (first === undefined || more.length > 0) {
    const message = 'Name one of --serial, --key-id and --ca.'
    return report(io, { code: 'bad_options', message, exitCode: EXIT.usage })
  }
  const [key, value] = first
  const answer = await io.admin.postJson('/api/v1/ssh-revocations', { [key]: value })
  if (!answer.ok) return report(io, answer.error)
  io.print(json ? JSON.stringify({ [key]: value, revoked: true }) : `revoked: ${value}`)
  return EXIT.ok
}

async function certificates(
  io: CliIo,
  { limit, json }: JsonOption & { limit: string },
): Promise<number> {
  const path = `/api/v1/ssh-certificates?limit=${encodeURIComponent(limit)}`
  const answer = await io.admin.getJson(path)
  const found = answer.ok ? readAnswer(certificateListing, answer.value) : answer
  if (!found.ok) return report(io, found.error)
  const rows = found.value.sshCertificates
  io.print(json ? JSON.stringify(rows) : certificateTable(rows))
  return EXIT.ok
}

function certificateTable(rows: readonly z.infer<typeof certificate>[]): string {
  return tableText(
    ['serial', 'kind', 'principals', 'user', 'device', 'until'],
    rows.map((one) => [
      one.serial,
      one.kind,
      one.principals.join(','),
      one.userEmail ?? '-',
      one.deviceId ?? '-',
      one.revoked ? `${one.validUntil} (revoked)` : one.validUntil,
    ]),
  )
}
