/**
 * Commands about recordings: verify, keygen; others have files of their own. A recording is named by its id,
 * or by a file.
 */
import { type Command, Option } from 'commander'
import type { VerifyOptions } from '#lib/recording/verdict'
import { err, ok, type Result } from '#lib/result'
import { type CliFailure, EXIT, report } from '../cli-io.ts'
import { printVerdict } from '../recordings/print-verdict.ts'
import { verifyRecording } from '../recordings/read-recording.ts'
import type { Run } from './device.ts'
import { addBundle } from './recording-bundle.ts'
import { addCommands } from './recording-commands.ts'
import { addExport } from './recording-export.ts'
import { collect, type Io, KEY_FLAGS, openWithKeys, readAll } from './recording-io.ts'
import { addList, addShow } from './recording-list.ts'
import { addPlay } from './recording-play.ts'

/** Adds `recordings` and its subcommands to `program`. */
export function addRecordingCommands(program: Command, io: Io, run: Run): void {
  const recordings = program
    .command('recordings')
    .description('list, play, export and verify recordings, and the commands in them')
  addList(recordings, io, run)
  addShow(recordings, io, run)
  addPlay(recordings, io, run)
  addExport(recordings, io, run)
  addCommands(recordings, io, run)
  addVerify(recordings, io, run)
  addBundle(recordings, io, run)
  addKeygen(recordings, io, run)
}

async function openManifestOf(
  io: Io,
  name: string,
): Promise<Result<string | undefined, CliFailure>> {
  if (io.isFile(name)) return ok(await io.readManifest(name))
  const path = `/api/v1/recordings/${encodeURIComponent(name)}/manifest`
  const bytes = await io.admin.getBytes(path)
  if (!bytes.ok) return bytes.error.code === 'no_such_recording' ? ok(undefined) : bytes
  const chunks: Uint8Array[] = []
  for await (const chunk of bytes.value) chunks.push(chunk)
  return ok(Buffer.concat(chunks).toString('utf8'))
}

const VERDICT_EXIT = {
  complete: EXIT.ok,
  incomplete: EXIT.incomplete,
  tampered: EXIT.tampered,
  unverified: EXIT.denied,
} as const

function addVerify(recordings: Command, io: Io, run: Run): void {
  recordings
    .command('verify')
    .description('say whether a recording is complete, incomplete or tampered with, and where')
    .argument('<recording>', 'id or file (with FILE.manifest beside it)')
    .option(KEY_FLAGS, 'private key: every chunk is opened, not only its hash checked', collect, [])
    .option(
      '--evidence-key <file>',
      'public key of the gateway that must have signed, PEM or JWK',
      collect,
      [],
    )
    .option('--expect-recipient <fingerprint>', 'fail when anybody else could open it', collect, [])
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExit code 0: complete, 4: not a recipient, 7: incomplete, 8: tampered with.\n\nExample:\n  $ zt recordings verify session.zt --key auditor.key',
    )
    .action((name: string, options: VerifyFlags) => run(() => verify(io, name, options)))
}

type VerifyFlags = {
  readonly key: readonly string[]
  readonly evidenceKey: readonly string[]
  readonly expectRecipient: readonly string[]
  readonly json?: boolean
}

async function verify(io: Io, name: string, options: VerifyFlags): Promise<number> {
  const evidenceKeys = await readAll(options.evidenceKey, io.readEvidenceKey)
  if (!evidenceKeys.ok) return report(io, evidenceKeys.error)
  const opened = await openWithKeys(io, name, options.key)
  if (!opened.ok) return report(io, opened.error)
  const manifest = await openManifestOf(io, name)
  if (!manifest.ok) return report(io, manifest.error)
  const { expectRecipient } = options
  const checks: VerifyOptions = {
    ...(manifest.value === undefined ? {} : { manifest: manifest.value }),
    ...(opened.value.keys.length === 0 ? {} : { keys: opened.value.keys }),
    ...(evidenceKeys.value.length === 0 ? {} : { evidenceKeys: evidenceKeys.value }),
    ...(expectRecipient.length === 0 ? {} : { expectRecipients: expectRecipient }),
  }
  const verdict = await verifyRecording(opened.value.source, checks)
  if (options.json) io.print(JSON.stringify(verdict))
  else for (const line of printVerdict(verdict)) io.print(line)
  return VERDICT_EXIT[verdict.status]
}

function addKeygen(recordings: Command, io: Io, run: Run): void {
  recordings
    .command('keygen')
    .description('make a key pair that opens recordings; keep the private half off the gateway')
    .requiredOption('--out <file>', 'file of the private half; the public line goes to FILE.pub')
    .addOption(
      new Option('--kem <kem>', 'key agreement').choices(['x25519', 'p256']).default('x25519'),
    )
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ zt recordings keygen --out auditor.key')
    .action((options: KeygenFlags) => run(() => keygen(io, options)))
}

type KeygenFlags = {
  readonly out: string
  readonly kem: 'x25519' | 'p256'
  readonly json?: boolean
}

async function keygen(io: Io, { out, kem, json }: KeygenFlags): Promise<number> {
  const made = await io.createKey(out, kem)
  if (!made.ok) return report(io, made.error)
  const { publicFile, fingerprint } = made.value
  if (json) io.print(JSON.stringify({ privateFile: out, publicFile, fingerprint }))
  else {
    io.print(`private key   ${out} (mode 0600: it opens recordings)`)
    io.print(`public line   ${publicFile}`)
    io.print(`fingerprint   ${fingerprint}`)
  }
  return EXIT.ok
}

/** A key file that was refused, for people. */
export function keyFailure(file: string, reason: string): CliFailure {
  const messages: Readonly<Record<string, string>> = {
    key_file_missing: `${file} does not exist.`,
    key_file_too_open: `${file} can be read by others; run: chmod 600 ${file}`,
    bad_recipient_key: `${file} is no private key made by "zt recordings keygen".`,
  }
  return {
    code: reason,
    message: messages[reason] ?? `${file} cannot be used.`,
    exitCode: EXIT.usage,
  }
}

/** A file that should hold a gateway's public key. */
export function evidenceKeyFailure(file: string): CliFailure {
  return {
    code: 'bad_evidence_key',
    message: `${file} cannot be read as a public key (PEM or JWK).`,
    exitCode: EXIT.usage,
  }
}

/** A key file that exists already. */
export function keyExists(file: string): Result<never, CliFailure> {
  return err({
    code: 'key_exists',
    message: `${file} exists; a key that opens recordings is never overwritten.`,
    exitCode: EXIT.usage,
  })
}

/** A file that an export would overwrite. */
export function fileExists(file: string): Result<never, CliFailure> {
  return err({
    code: 'file_exists',
    message: `${file} exists; name a new file.`,
    exitCode: EXIT.usage,
  })
}
