/**
 * Recordings from any source of octets: read, export, play, verify. What touches files and terminals is handed in.
 */
import { type CloudflareHead, CloudflareHeadReader } from '#lib/recording/cloudflare-log'
import type { Frame } from '#lib/recording/frame'
import { type ReadError, type ReadStep, RecordingReader } from '#lib/recording/recording-reader'
import type { Verdict, VerifyOptions } from '#lib/recording/verdict'
import { RecordingVerifier } from '#lib/recording/verify'
import type { ViewOptions } from '#lib/recording/view'
import { err, ok, type Result } from '#lib/result'
import type { Header, SealClass } from '#lib/seal/container-format'
import type { RecipientKey } from '#lib/seal/recipient-key'
import type { ExportFile, MakeFiles } from './export-views.ts'
import { type PlayOptions, PlaySchedule } from './play-schedule.ts'

/** Octets of a file or an HTTP answer, in any split. */
export type ByteSource = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** What was read. `ended` false: the recording stops as after a crash; all that was shown is authentic. */
export type ReadSummary = {
  readonly ended: boolean
  readonly classes: readonly SealClass[]
  /** Channels that printed something. */
  readonly printed: ReadonlySet<number>
}

type OnFrame = (frame: Frame, header: Header) => void | Promise<void>

/**
 * Opens a recording and hands over its frames in order; waits for each `onFrame`.
 * @returns why it stopped, if it did: frames before that were authentic.
 */
export async function readRecording(
  source: ByteSource,
  keys: readonly RecipientKey[],
  onFrame: OnFrame,
): Promise<Result<ReadSummary, ReadError>> {
  const reader = new RecordingReader(keys)
  const printed = new Set<number>()
  const onEach: OnFrame = (frame, header) => {
    if (!('event' in frame) && frame.stream !== 'input') printed.add(frame.channel)
    return onFrame(frame, header)
  }
  for await (const bytes of source) {
    const error = await handOver(reader, await reader.push(bytes), onEach)
    if (error) return err(error)
  }
  const end = reader.end()
  const error = await handOver(reader, end, onEach)
  if (error) return err(error)
  if (!reader.header) return err({ reason: 'not_a_recording', offset: 0 })
  return ok({ ended: end.tail.ended, classes: reader.classes, printed })
}

async function handOver(
  { header }: RecordingReader,
  { frames, error }: ReadStep,
  onFrame: OnFrame,
): Promise<ReadError | undefined> {
  for (const frame of frames) if (header) await onFrame(frame, header)
  return error
}

export type ExportOptions = Omit<ViewOptions, 'startedAtMs'> & { readonly makeFiles: MakeFiles }

/** Takes the next piece of one file of an export. */
export type WritePiece = (
  suffix: ExportFile['suffix'],
  piece: string | Uint8Array,
) => void | Promise<void>

/** Writes a recording in another format, as it is read. */
export async function exportRecording(
  source: ByteSource,
  keys: readonly RecipientKey[],
  { makeFiles, ...options }: ExportOptions,
  write: WritePiece,
): Promise<Result<ReadSummary, ReadError>> {
  let files: readonly ExportFile[] = []
  const summary = await readRecording(source, keys, async (frame, header) => {
    if (files.length === 0) files = makeFiles({ ...options, startedAtMs: startedAtMs(header) })
    for (const { suffix, view } of files) await write(suffix, view.push(frame))
  })
  for (const { suffix, view } of files) await write(suffix, view.end())
  return summary
}

/** Reads what the head of a Cloudflare log says; the export itself reads the recording again. */
export async function readCloudflareHead(
  source: ByteSource,
  keys: readonly RecipientKey[],
  options: Omit<ViewOptions, 'startedAtMs'>,
): Promise<Result<CloudflareHead, ReadError>> {
  const reader = new CloudflareHeadReader(options)
  const read = await readRecording(source, keys, (frame) => reader.push(frame))
  return read.ok ? ok(reader.head) : read
}

function startedAtMs({ subject }: Header): number {
  const started = subject['startedAtMs']
  return typeof started === 'number' ? started : 0
}

/** What playing needs from the world. */
export type Terminal = {
  write(bytes: Uint8Array): void | Promise<void>
  sleep(delayMs: number): Promise<void>
}

/** Plays a recording as it is read; control sequences that could do more than draw are left out. */
export function playRecording(
  source: ByteSource,
  keys: readonly RecipientKey[],
  options: PlayOptions,
  terminal: Terminal,
): Promise<Result<ReadSummary, ReadError>> {
  const schedule = new PlaySchedule(options)
  return readRecording(source, keys, async (frame) => {
    const step = schedule.push(frame)
    if (!step) return
    if (step.delayMs > 0) await terminal.sleep(step.delayMs)
    await terminal.write(step.bytes)
  })
}

/** Verifies a recording as it is read. */
export async function verifyRecording(
  source: ByteSource,
  options: VerifyOptions,
): Promise<Verdict> {
  const verifier = new RecordingVerifier(options)
  for await (const bytes of source) {
    const verdict = await verifier.push(bytes)
    if (verdict) return verdict
  }
  return verifier.end()
}
