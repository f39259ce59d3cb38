/**
 * `zt ssh-cert`: a short-lived SSH certificate to hold, for hosts that trust the client authority. The key is made here
 * and goes into the user's agent, for as long as the certificate lives, or into files; the gateway sees its public half.
 */
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { type Command, Option } from 'commander'
import type { SshCertificate } from '#lib/api/ssh-certificate-api'
import { err, ok, type Result } from '#lib/result'
import type { AgentCertificate } from '#lib/ssh/agent-message'
import { parseCertificate } from '#lib/ssh/certificate'
import { printPrivateKey } from '#lib/ssh/private-key'
import { publicKeyBlob } from '#lib/ssh/public-key'
import { parsePublicKeyLine, printPublicKeyLine } from '#lib/ssh/public-key-line'
import { type CliFailure, type CliIo, EXIT, report } from '../cli-io.ts'
import { ask, type Run } from './device.ts'

/** What these commands do to the machine. */
export type SshCertIo = CliIo & {
  /** Socket of the user's SSH agent (SSH_AUTH_SOCK). */
  readonly agentSocket: string | undefined
  /** Gives the agent a key with its certificate. @returns why it did not take it, a stable reason. */
  addToAgent(
    socket: string,
    wish: AgentCertificate,
  ): Promise<Result<void, { readonly reason: string }>>
}

export type SshCertOptions = {
  readonly principal?: readonly string[]
  readonly out?: string
  readonly agent?: boolean
  readonly confirm?: boolean
  readonly keyType?: string
  readonly json?: boolean
}

/** Adds `ssh-cert` to `program`. */
export function addSshCertCommand(program: Command, io: SshCertIo, run: Run): void {
  const collect = (value: string, before: readonly string[]) => [...before, value]
  program
    .command('ssh-cert')
    .description('get a short-lived SSH certificate into your agent, for hosts that trust it')
    .option(
      '--principal <user>',
      'UNIX user it is for; repeatable; default: all you may',
      collect,
      [],
    )
    .option('--agent', 'put it into the agent at SSH_AUTH_SOCK (the default)')
    .option('--confirm', 'have the agent ask before each use')
    .option('--out <file>', 'write the key to this file, mode 0600, and FILE-cert.pub beside it')
    .addOption(
      new Option('--key-type <type>', 'kind of key to make')
        .choices(['ed25519', 'ecdsa'])
        .default('ed25519'),
    )
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ zt ssh-cert --principal deploy && ssh deploy@build7')
    .action((options: SshCertOptions) => run(() => sshCertificate(io, options)))
}

/** Adds `login` to `program`, after which a certificate may follow. */
export function addLoginCommand(program: Command, io: SshCertIo, run: Run): void {
  program
    .command('login')
    .description('log in again at the identity provider')
    .option('--ssh-cert', 'then get an SSH certificate into your agent, as "zt ssh-cert" does')
    .option('--json', 'print JSON')
    .action(({ sshCert, ...options }: { readonly sshCert?: boolean; readonly json?: boolean }) =>
      run(async () => {
        const code = await ask(io, { method: 'login' }, options)
        return sshCert === true && code === EXIT.ok ? sshCertificate(io, options) : code
      }),
    )
}

/** Gets a certificate and puts it where it was asked for. @returns the exit code. */
export async function sshCertificate(io: SshCertIo, options: SshCertOptions): Promise<number> {
  const place = placeOf(io, options)
  if (!place.ok) return report(io, place.error)
  const key = makeKey(options.keyType)
  const publicKey = printPublicKeyLine(publicKeyBlob(createPublicKey(key)))
  const principals = options.principal ?? []
  const answer = await io.askDaemon({ method: 'ssh_certificate', publicKey, principals })
  const issued = answer.ok ? checked(answer.value, key) : answer
  if (!issued.ok) return report(io, issued.error)
  const { certificate, blob, keyId, endsAtMs } = issued.value
  const lifetimeSeconds = Math.max(Math.floor((endsAtMs - io.now()) / 1000), 1)
  const kept =
    place.value.kind === 'file'
      ? keep(io, place.value.file, key, certificate)
      : await add(io, place.value.socket, {
          ...{ key, certificate: blob, comment: keyId, lifetimeSeconds },
          confirm: options.confirm === true,
        })
  if (!kept.ok) return report(io, kept.error)
  io.print(options.json ? JSON.stringify(certificate) : textOf(certificate, kept.value))
  return EXIT.ok
}

type Place =
  | { readonly kind: 'agent'; readonly socket: string }
  | { readonly kind: 'file'; readonly file: string }

function placeOf(
  { agentSocket, readText }: SshCertIo,
  { out, agent, confirm }: SshCertOptions,
): Result<Place, CliFailure> {
  if (out !== undefined && (agent === true || confirm === true)) {
    return usage('bad_options', 'Name --out, or --agent and --confirm.')
  }
  if (out !== undefined) {
    return isForeign(out, readText)
      ? usage('file_exists', `${out} holds something else; name a new file.`)
      : ok({ kind: 'file', file: out })
  }
  if (agentSocket !== undefined) return ok({ kind: 'agent', socket: agentSocket })
  return usage('no_agent', 'There is no SSH agent (SSH_AUTH_SOCK): start one, or name --out FILE.')
}

/** A key that we made has its certificate beside it, and may be replaced; nothing else may. */
function isForeign(file: string, readText: SshCertIo['readText']): boolean {
  return readText(file).ok && !readText(`${file}-cert.pub`).ok
}

function makeKey(type = 'ed25519'): KeyObject {
  return type === 'ecdsa'
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    : generateKeyPairSync('ed25519').privateKey
}

type Checked = {
  readonly certificate: SshCertificate
  readonly blob: Buffer
  readonly keyId: string
  readonly endsAtMs: number
}

/** What came must be a certificate of the key that was made here. */
function checked(
  result: { readonly method: string; readonly certificate?: SshCertificate },
  key: KeyObject,
): Result<Checked, CliFailure> {
  const line = parsePublicKeyLine(result.certificate?.certificate ?? '')
  const parsed = line.ok ? parseCertificate(line.value.blob) : line
  const isOurs = parsed.ok && parsed.value.key.blob.equals(publicKeyBlob(createPublicKey(key)))
  if (!isOurs || result.certificate === undefined) {
    const message = 'The gateway gave no certificate for this key.'
    return err({ code: 'bad_answer', message, exitCode: EXIT.failed })
  }
  const { blob, keyId, validBefore } = parsed.value
  return ok({ certificate: result.certificate, blob, keyId, endsAtMs: Number(validBefore) * 1000 })
}

function keep(
  io: SshCertIo,
  file: string,
  key: KeyObject,
  { certificate }: SshCertificate,
): Result<string, CliFailure> {
  const secret = io.secrets.replace(file, printPrivateKey(key, 'zt'))
  if (!secret.ok) return secret
  const written = io.writeFile(`${file}-cert.pub`, `${certificate}\n`)
  return written.ok ? ok(file) : written
}

/** An agent that does not take the terms gets nothing: it would keep the key for good (T25). */
async function add(
  io: SshCertIo,
  socket: string,
  wish: AgentCertificate,
): Promise<Result<string, CliFailure>> {
  const added = await io.addToAgent(socket, wish)
  if (added.ok) return ok('the agent')
  const { reason: code } = added.error
  const message = `The SSH agent did not take the certificate with its lifetime (${code}).`
  return err({ code, message, exitCode: EXIT.failed })
}

function textOf({ principals, valid_until, serial }: SshCertificate, where: string): string {
  return `SSH certificate for ${principals.join(', ')} in ${where}, good until ${valid_until} (serial ${serial})`
}

function usage(code: string, message: string): Result<never, CliFailure> {
  return err({ code, message, exitCode: EXIT.usage })
}
