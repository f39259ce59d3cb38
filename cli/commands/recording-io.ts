/**
 * What commands about recordings share: what they do to the machine, and how a recording is named and opened.
 */
import type { JWK } from 'jose'
import type { ReadError } from '#lib/recording/recording-reader'
import { err, ok, type Result } from '#lib/result'
import type { RecipientKey } from '#lib/seal/recipient-key'
import { type CliFailure, type CliIo, EXIT, report } from '../cli-io.ts'
import { printReadError } from '../recordings/print-verdict.ts'
import type { ByteSource, ReadSummary } from '../recordings/read-recording.ts'
import type { Sink } from '../recordings/sink.ts'

/** What these commands do to the machine. */
export type RecordingIo = {
  isFile(path: string): boolean
  openFile(path: string): ByteSource
  /** Names in a folder; undefined when it is none. */
  readFolder(path: string): readonly string[] | undefined
  /** The manifest beside a file. */
  readManifest(path: string): Promise<string | undefined>
  /** What stands in the place of a file that was erased. */
  readErasure(path: string): Promise<string | undefined>
  readKey(path: string): Promise<Result<RecipientKey, CliFailure>>
  /** Makes a key pair: private half at `path`, public line beside it. */
  createKey(
    path: string,
    kem: 'x25519' | 'p256',
  ): Promise<Result<{ readonly publicFile: string; readonly fingerprint: string }, CliFailure>>
  /** Text or bytes to standard output, as they are; waits while the reader is slow. */
  write(chunk: string | Uint8Array): Promise<void>
  /** A new file that only its owner reads; what exists is never overwritten. */
  createFile(path: string): Promise<Result<Sink, CliFailure>>
  sleep(delayMs: number): Promise<void>
  /** Runs a replay; then, and when the user interrupts it, a terminal is left as it was found. */
  onScreen<T>(replay: () => Promise<T>): Promise<T>
  /** Public half of a gateway's evidence key, from PEM or JWK. */
  readEvidenceKey(path: string): Promise<Result<JWK, CliFailure>>
}

export type Io = CliIo & RecordingIo

/** Flags of `--key`. */
export const KEY_FLAGS = '--key <file>'
export const KEY_OPTION = [KEY_FLAGS, 'private key of a recipient'] as const
/** More than one: classes of a recording may have different recipients. */
export const collect = (value: string, before: readonly string[] = []): string[] => [
  ...before,
  value,
]

/** The recording that `name` says, and the keys of these files. */
export async function openWithKeys(
  io: Io,
  name: string,
  keyFiles: readonly string[],
): Promise<
  Result<{ readonly source: ByteSource; readonly keys: readonly RecipientKey[] }, CliFailure>
> {
  const keys = await readAll(keyFiles, io.readKey)
  if (!keys.ok) return keys
  const source = await openRecording(io, name)
  return source.ok ? ok({ source: source.value, keys: keys.value }) : source
}

/** Every file, or the first failure. */
export async function readAll<T>(
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

/** Ids are UUIDs; whatever exists as a file is one, and no id has a slash or an ending in it. */
export async function openRecording(io: Io, name: string): Promise<Result<ByteSource, CliFailure>> {
  if (io.isFile(name)) return ok(io.openFile(name))
  if (/[/.]/.test(name)) return err(noSuchFile(name))
  return io.admin.getBytes(`/api/v1/recordings/${encodeURIComponent(name)}/content`)
}

function noSuchFile(name: string): CliFailure {
  return {
    code: 'no_such_file',
    message: `${name} is no file, nor the id of a recording.`,
    exitCode: EXIT.failed,
  }
}

/** Says how reading ended, and gives the exit code. */
export function conclude(io: Pick<CliIo, 'warn'>, done: Result<ReadSummary, ReadError>): number {
  if (!done.ok) return report(io, readFailure(done.error))
  if (done.value.ended) return EXIT.ok
  return report(io, {
    code: 'no_end',
    message: 'The recording has no end; everything before that is shown.',
    exitCode: EXIT.incomplete,
  })
}

/** Why a recording could not be read, for people. */
export function readFailure(error: ReadError): CliFailure {
  const exitCode = error.reason === 'not_a_recipient' ? EXIT.denied : EXIT.tampered
  return { code: error.reason, message: `${printReadError(error)}.`, exitCode }
}

/** Formats of one terminal show one channel: says so when others printed, too. */
export function tellOtherChannels(io: Io, done: Result<ReadSummary, ReadError>): void {
  if (!done.ok || done.value.printed.size < 2) return
  const all = [...done.value.printed].sort((one, other) => one - other).join(', ')
  io.warn(`One channel is shown; these printed something: ${all}. Choose one with --channel.`)
}
