/**
 * Commands about recordings: list, decrypt, play, verify, keygen. A recording is named by its id, or by a file.
 */
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { JWK } from 'jose'
import { z } from 'zod'
import type { VerifyOptions } from '#lib/recording/verdict'
import { err, ok, type Result } from '#lib/result'
import type { RecipientKey } from '#lib/seal/recipient-key'
import { readAnswer } from '../admin-answer.ts'
import { type CliFailure, type CliIo, EXIT, report } from '../cli-io.ts'
import { printReadError, printVerdict } from '../recordings/print-verdict.ts'
import {
  type ByteSource,
  exportRecording,
  type Format,
  playRecording,
  verifyRecording,
} from '../recordings/read-recording.ts'
import { tableText } from '../render.ts'
import type { Run } from './device.ts'

/** What these commands do to the machine. */
export type RecordingIo = {
  isFile(path: string): boolean
  openFile(path: string): ByteSource
  /** The manifest beside a file. */
  readManifest(path: string): Promise<string | undefined>
  readKey(path: string): Promise<Result<RecipientKey, CliFailure>>
  /** Makes a key pair: private half at `path`, public line beside it. */
  createKey(
    path: string,
    kem: 'x25519' | 'p256',
  ): Promise<Result<{ readonly publicFile: string; readonly fingerprint: string }, CliFailure>>
  /** Text or bytes to standard output, as they are; waits while the reader is slow. */
  write(chunk: string | Uint8Array): Promise<void>
  sleep(delayMs: number): Promise<void>
  /** Runs a replay; then, and when the user interrupts it, a terminal is left as it was found. */
  onScreen<T>(replay: () => Promise<T>): Promise<T>
  /** Public half of a gateway's evidence key, from PEM or JWK. */
  readEvidenceKey(path: string): Promise<Result<JWK, CliFailure>>
}

type Io = CliIo & RecordingIo

const KEY_OPTION = ['--key <file>', 'private key of a recipient'] as const
/** More than one key: classes of a recording may have different recipients. */
const collect = (value: string, before: readonly string[] = []): string[] => [...before, value]

/** Adds `recordings` and its subcommands to `program`. */
export function addRecordingCommands(program: Command, io: Io, run: Run): void {
  const recordings = program
    .command('recordings')
    .description('list, decrypt, play and verify recordings; make a key for them')
  addList(recordings, io, run)
  addDecrypt(recordings, io, run)
  addPlay(recordings, io, run)
  addVerify(recordings, io, run)
  addKeygen(recordings, io, run)
}

/** A row of the admin API; what is more is passed on as it is. */
const row = z.looseObject({
  id: z.string(),
  startedAt: z.string(),
  user: z.string(),
  unixUser: z.string(),
  target: z.string(),
  state: z.string(),
  sizeBytes: z.number(),
})
const listing = z.object({ recordings: z.array(row) })

function addList(recordings: Command, io: Io, run: Run): void {
  recordings
    .command('list')
    .description('list recordings, newest first')
    .option('--json', 'print a JSON array of {id, startedAt, user, target, …}')
    .option('--limit <count>', 'at most this many', '100')
    .addHelpText('after', '\nExample:\n  $ zt recordings list --json | jq -r ".[0].id"')
    .action((options: { json?: boolean; limit: string }) =>
      run(async () => {
        const answer = await io.admin.getJson(
          `/api/v1/recordings?limit=${encodeURIComponent(options.limit)}`,
        )
        const found = answer.ok ? readAnswer(listing, answer.value) : answer
        if (!found.ok) return report(io, found.error)
        const rows = found.value.recordings
        io.print(options.json ? JSON.stringify(rows) : listText(rows))
        return EXIT.ok
      }),
    )
}

function listText(rows: readonly z.infer<typeof row>[]): string {
  const headings = ['id', 'started', 'user', 'as', 'target', 'state', 'bytes']
  return tableText(
    headings,
    rows.map((one) => [
      one.id,
      one.startedAt,
      one.user,
      one.unixUser,
      one.target,
      one.state,
      String(one.sizeBytes),
    ]),
  )
}

function addDecrypt(recordings: Command, io: Io, run: Run): void {
  recordings
    .command('decrypt')
    .description('write a recording in the clear to standard output')
    .argument('<recording>', 'id or file')
    .requiredOption(...KEY_OPTION, collect)
    .addOption(
      new Option('--format <format>', 'what to write')
        .choices(['asciicast', 'text', 'jsonl'])
        .default('text'),
    )
    .option('--input', 'what was typed, too; it may hold passwords')
    .addHelpText(
      'after',
      '\nExample:\n  $ zt recordings decrypt ID --key auditor.key --format asciicast > session.cast',
    )
    .action((name: string, options: { key: string[]; format: Format; input?: boolean }) =>
      run(async () => {
        const opened = await openWithKeys(io, name, options.key)
        if (!opened.ok) return report(io, opened.error)
        const { source, keys } = opened.value
        const { format, input = false } = options
        const done = await exportRecording(source, keys, { format, input }, (text) =>
          io.write(text),
        )
        return conclude(io, done)
      }),
    )
}

function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('It must be a number above 0.')
  return value
}

function addPlay(recordings: Command, io: Io, run: Run): void {
  recordings
    .command('play')
    .description('play a recording in this terminal')
    .argument('<recording>', 'id or file')
    .requiredOption(...KEY_OPTION, collect)
    .option('--speed <factor>', '2 plays twice as fast', positive, 1)
    .option('--idle-limit <seconds>', 'no pause is longer than this', positive)
    .addHelpText(
      'after',
      '\nExample:\n  $ zt recordings play ID --key auditor.key --speed 2 --idle-limit 1',
    )
    .action((name: string, options: { key: string[]; speed: number; idleLimit?: number }) =>
      run(async () => {
        const opened = await openWithKeys(io, name, options.key)
        if (!opened.ok) return report(io, opened.error)
        const { source, keys } = opened.value
        const idle =
          options.idleLimit === undefined ? {} : { idleLimitMs: options.idleLimit * 1000 }
        const done = await io.onScreen(() =>
          playRecording(source, keys, { speed: options.speed, ...idle }, io),
        )
        return conclude(io, done)
      }),
    )
}

async function openWithKeys(io: Io, name: string, keyFiles: readonly string[]) {
  const keys = await readAll(keyFiles, io.readKey)
  if (!keys.ok) return keys
  const source = await openRecording(io, name)
  return source.ok ? ok({ source: source.value, keys: keys.value }) : source
}

async function readAll<T>(
  files: readonly string[],
  read: (file: string) => Promise<Result<T, CliFailure>>,
): Promise<Result<readonly T[], CliFailure>> {
  const values: T[] = []
  for (const file of files) {
    const value = await read(file)
    if (!value.ok) return value
    values.push(value.value)
  }
  return ok(values)
}

/** Ids are UUIDs; whatever exists as a file is one. */
async function openRecording(io: Io, name: string): Promise<Result<ByteSource, CliFailure>> {
  if (io.isFile(name)) return ok(io.openFile(name))
  return io.admin.getBytes(`/api/v1/recordings/${encodeURIComponent(name)}/content`)
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

function conclude(io: Io, done: Awaited<ReturnType<typeof exportRecording>>): number {
  if (!done.ok) {
    const code = done.error.reason
    const exitCode = code === 'not_a_recipient' ? EXIT.denied : EXIT.tampered
    return report(io, { code, message: `${printReadError(done.error)}.`, exitCode })
  }
  if (done.value.ended) return EXIT.ok
  return report(io, {
    code: 'no_end',
    message: 'The recording has no end; everything before that is shown.',
    exitCode: EXIT.incomplete,
  })
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
    .option(
      KEY_OPTION[0],
      'private key: every chunk is opened, not only its hash checked',
      collect,
      [],
    )
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
    .addHelpText('after', '\nExample:\n  $ zt recordings keygen --out auditor.key')
    .action((options: { out: string; kem: 'x25519' | 'p256' }) =>
      run(async () => {
        const made = await io.createKey(options.out, options.kem)
        if (!made.ok) return report(io, made.error)
        io.print(`private key   ${options.out} (mode 0600: it opens recordings)`)
        io.print(`public line   ${made.value.publicFile}`)
        io.print(`fingerprint   ${made.value.fingerprint}`)
        return EXIT.ok
      }),
    )
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
