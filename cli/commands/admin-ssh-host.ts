/** What hosts need of the SSH authorities: certificates, the key revocation list, and a script that sets one up. */
import type { Command } from 'commander'
import { z } from 'zod'
import { duration } from '#lib/config/text-shapes'
import { err, ok, type Result } from '#lib/result'
import { readAnswer } from '../admin-answer.ts'
import { type CliFailure, type CliIo, EXIT, report } from '../cli-io.ts'
import { hostSetupScript } from '../host-setup.ts'
import { trustedLines } from './admin-ssh-trust.ts'
import type { Run } from './device.ts'

type HostOptions = { readonly key?: string; readonly names?: string; readonly lifetime?: string }
type SetupOptions = HostOptions & { readonly trust: string }

const signed = z.object({ certificate: z.string() })

/** Adds the commands to `ssh-ca`. */
export function addSshHostCommands(group: Command, io: CliIo, run: Run): void {
  group
    .command('krl')
    .description("write OpenSSH's key revocation list, for RevokedKeys")
    .requiredOption('--out <file>', 'file to write; replaced when it exists')
    .action(({ out }: { out: string }) => run(() => krl(io, out)))
  group
    .command('sign-host')
    .description("certify a host's key for its names, for HostCertificate")
    .requiredOption('--key <file>', 'public key of the host, for example ssh_host_ed25519_key.pub')
    .requiredOption('--names <names>', 'host names and addresses, with commas')
    .requiredOption('--out <file>', 'file to write; replaced when it exists')
    .option('--lifetime <duration>', 'how long it is good, at most 366d', '90d')
    .addHelpText(
      'after',
      '\nExample:\n  $ zt admin ssh-ca sign-host --key ssh_host_ed25519_key.pub --names db1.corp.internal,10.0.0.5 --out ssh_host_ed25519_key-cert.pub',
    )
    .action(({ out, ...options }: HostOptions & { out: string }) =>
      run(async () => {
        const certificate = await signHost(io, options)
        return certificate.ok
          ? write(io, out, `${certificate.value}\n`)
          : report(io, certificate.error)
      }),
    )
  group
    .command('host-setup')
    .description("print a script that has a host's sshd trust authorities; run it there as root")
    .option('--trust <names>', 'user (the gateway), client (people, past the gateway)', 'user')
    .option('--key <file>', 'public key of the host, to certify too')
    .option('--names <names>', 'its host names and addresses, with commas')
    .option('--lifetime <duration>', 'how long its certificate is good', '90d')
    .addHelpText('after', '\nExample:\n  $ zt admin ssh-ca host-setup | ssh root@db1 sh')
    .action((options: SetupOptions) => run(() => hostSetup(io, options)))
}

async function krl(io: CliIo, out: string): Promise<number> {
  const list = await revocationList(io)
  return list.ok ? write(io, out, list.value) : report(io, list.error)
}

async function hostSetup(
  io: CliIo,
  { trust, key, names, lifetime }: SetupOptions,
): Promise<number> {
  const userAuthorities: string[] = []
  for (const name of trust.split(',')) {
    const lines = await trustedLines(io, name)
    if (!lines.ok) return report(io, lines.error)
    userAuthorities.push(...lines.value)
  }
  const list = await revocationList(io)
  if (!list.ok) return report(io, list.error)
  const wish = { ...(key && { key }), ...(names && { names }), ...(lifetime && { lifetime }) }
  const certificate =
    key === undefined && names === undefined ? undefined : await signHost(io, wish)
  if (certificate?.ok === false) return report(io, certificate.error)
  const hostCertificate = certificate && { hostCertificate: certificate.value }
  io.print(hostSetupScript({ userAuthorities, krl: list.value, ...hostCertificate }))
  return EXIT.ok
}

async function signHost(
  io: CliIo,
  { key, names, lifetime = '90d' }: HostOptions,
): Promise<Result<string, CliFailure>> {
  if (key === undefined || names === undefined) {
    return err({
      code: 'bad_options',
      message: '--key and --names go together.',
      exitCode: EXIT.usage,
    })
  }
  const publicKey = io.readText(key)
  if (!publicKey.ok) return publicKey
  const { value: lifetimeMs, mistakes } = duration.decode(lifetime, [])
  if (lifetimeMs === undefined) {
    const message = mistakes[0]?.message ?? 'bad duration'
    return err({ code: 'bad_duration', message, exitCode: EXIT.usage })
  }
  const answer = await io.admin.postJson('/api/v1/ssh-host-certificates', {
    publicKey: publicKey.value.trim(),
    names: names.split(','),
    lifetimeSeconds: Math.floor(lifetimeMs / 1000),
  })
  const done = answer.ok ? readAnswer(signed, answer.value) : answer
  return done.ok ? ok(done.value.certificate) : done
}

async function revocationList(io: CliIo): Promise<Result<Buffer, CliFailure>> {
  const bytes = await io.admin.getBytes('/api/v1/ssh-revocations/krl')
  if (!bytes.ok) return bytes
  const chunks: Uint8Array[] = []
  for await (const chunk of bytes.value) chunks.push(chunk)
  return ok(Buffer.concat(chunks))
}

function write(io: CliIo, out: string, content: string | Uint8Array): number {
  const written = io.writeFile(out, content)
  return written.ok ? EXIT.ok : report(io, written.error)
}
