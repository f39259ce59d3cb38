/** `zt recordings export`: a recording in the clear, or sealed to somebody else, in another format. */
import { type Command, Option } from 'commander'
import type { ViewOptions } from '#lib/recording/view'
import { err, ok, type Result } from '#lib/result'
import { toBase64url } from '#lib/seal/bytes'
import { setUpSender } from '#lib/seal/hpke-seal'
import { parseRecipient, type Recipient, type RecipientKey } from '#lib/seal/recipient-key'
import { type CliFailure, EXIT, report } from '../cli-io.ts'
import {
  cloudflareFileOf,
  type ExportFile,
  type Format,
  filesOf,
  type MakeFiles,
  PLAIN_FORMATS,
} from '../recordings/export-views.ts'
import {
  type ByteSource,
  exportRecording,
  readCloudflareHead,
} from '../recordings/read-recording.ts'
import type { Sink } from '../recordings/sink.ts'
import type { Run } from './device.ts'
import {
  collect,
  conclude,
  type Io,
  KEY_OPTION,
  openRecording,
  openWithKeys,
  readFailure,
  tellOtherChannels,
} from './recording-io.ts'
import { CHANNEL_OPTION } from './recording-play.ts'

type ExportFlags = {
  readonly key: readonly string[]
  readonly format: Format
  readonly input?: boolean
  readonly channel?: number
  readonly out?: string
  readonly age: readonly string[]
  readonly to?: string
}

const ALL_CHANNELS: readonly Format[] = ['text', 'jsonl']
const FORMATS = [...PLAIN_FORMATS, 'cloudflare']

/** Adds `export` to `recordings`. */
export function addExport(recordings: Command, io: Io, run: Run): void {
  recordings
    .command('export')
    .alias('decrypt')
    .description('write a recording in another format')
    .argument('<recording>', 'id or file')
    .requiredOption(...KEY_OPTION, collect)
    .addOption(new Option('--format <format>', 'what to write').choices(FORMATS).default('text'))
    .option('--json', 'the same as --format jsonl')
    .option('--input', 'what was typed, too; it may hold passwords')
    .option(...CHANNEL_OPTION)
    .option('--out <file>', 'a new file, mode 0600, instead of standard output')
    .option('--age <recipient>', 'write an age file for this recipient (age1…)', collect, [])
    .option('--to <key>', 'with --format cloudflare: public key that the log is sealed to')
    .addHelpText(
      'after',
      '\nExample:\n  $ zt recordings export ID --key auditor.key --format asciicast --out session.cast',
    )
    .action((name: string, { json, ...flags }: ExportFlags & { readonly json?: boolean }) =>
      run(() => exportAs(io, name, json ? { ...flags, format: 'jsonl' } : flags)),
    )
}

async function exportAs(io: Io, name: string, flags: ExportFlags): Promise<number> {
  const seal = await sealingFor(flags)
  if (!seal.ok) return report(io, seal.error)
  const opened = await openWithKeys(io, name, flags.key)
  if (!opened.ok) return report(io, opened.error)
  const makeFiles = await filesFor(io, name, flags, opened.value.keys)
  if (!makeFiles.ok) return report(io, makeFiles.error)
  const sinks = await openSinks(io, flags, seal.value)
  if (!sinks.ok) return report(io, sinks.error)
  const options = { ...viewOptions(flags), makeFiles: makeFiles.value }
  const { source, keys } = opened.value
  let isBegun = false
  const done = await exportRecording(source, keys, options, async (suffix, piece) => {
    isBegun = true
    await sinks.value.get(suffix)?.write(piece)
  })
  for (const sink of sinks.value.values())
    await (done.ok || isBegun ? sink.close() : sink.discard())
  if (flags.channel === undefined && !ALL_CHANNELS.includes(flags.format))
    tellOtherChannels(io, done)
  return conclude(io, done)
}

function viewOptions({ input = false, channel }: ExportFlags): Omit<ViewOptions, 'startedAtMs'> {
  return { input, ...(channel !== undefined && { channel }) }
}

/** What seals each file on its way out, if it is to be. */
async function sealingFor({ age }: ExportFlags): Promise<Result<SealSink, CliFailure>> {
  if (age.length === 0) return ok(async (sink) => sink)
  // The ciphers of age are loaded with it, which no other command should wait for.
  const { ageEncrypter, sealedTo } = await import('../recordings/age-sink.ts')
  const encrypter = await ageEncrypter(age)
  return encrypter.ok
    ? ok((sink) => sealedTo(encrypter.value, sink))
    : wrongUsage(encrypter.error.reason, `${age.join(', ')}: an age recipient begins with age1`)
}

type SealSink = (sink: Sink) => Promise<Sink>

async function filesFor(
  io: Io,
  name: string,
  flags: ExportFlags,
  keys: readonly RecipientKey[],
): Promise<Result<MakeFiles, CliFailure>> {
  if (flags.format !== 'cloudflare') return ok(filesOf(flags.format))
  const recipient = await cloudflareRecipient(flags.to ?? '')
  if (!recipient) return wrongUsage('bad_recipient', '--to must be an X25519 public key in base64')
  const source: Result<ByteSource, CliFailure> = await openRecording(io, name)
  if (!source.ok) return source
  const head = await readCloudflareHead(source.value, keys, viewOptions(flags))
  if (!head.ok) return err(readFailure(head.error))
  const suite = { kem: 'x25519', aead: 'chacha20-poly1305' } as const
  const parties = { recipient: recipient.publicKey, info: new Uint8Array(0) }
  return ok(cloudflareFileOf(head.value, await setUpSender(suite, parties)))
}

/** A key as `ssh-log-cli generate-key-pair` prints it. */
async function cloudflareRecipient(text: string): Promise<Recipient | undefined> {
  const encoded = toBase64url(Buffer.from(text, 'base64'))
  const recipient = await parseRecipient(`zt-recipient:x25519:${encoded}`)
  return recipient.ok ? recipient.value : undefined
}

type Sinks = ReadonlyMap<ExportFile['suffix'], Sink>

async function openSinks(
  io: Io,
  { format, out }: ExportFlags,
  seal: SealSink,
): Promise<Result<Sinks, CliFailure>> {
  if (format === 'typescript' && out === undefined) {
    return wrongUsage('no_out_file', 'A typescript is two files: name them with --out')
  }
  const suffixes: readonly ExportFile['suffix'][] = format === 'typescript' ? ['', '.timing'] : ['']
  const sinks = new Map<ExportFile['suffix'], Sink>()
  for (const suffix of suffixes) {
    const sink = out === undefined ? ok(standardOutput(io)) : await io.createFile(out + suffix)
    if (!sink.ok) {
      for (const made of sinks.values()) await made.discard()
      return sink
    }
    sinks.set(suffix, await seal(sink.value))
  }
  return ok(sinks)
}

function standardOutput(io: Io): Sink {
  return { write: (chunk) => io.write(chunk), close: async () => {}, discard: async () => {} }
}

function wrongUsage(code: string, message: string): Result<never, CliFailure> {
  return err({ code, message: `${message}.`, exitCode: EXIT.usage })
}
