/** `zt recordings play`: a recording in this terminal. */
import { type Command, InvalidArgumentError } from 'commander'
import { report } from '../cli-io.ts'
import { playRecording } from '../recordings/read-recording.ts'
import type { Run } from './device.ts'
import {
  collect,
  conclude,
  type Io,
  KEY_OPTION,
  openWithKeys,
  tellOtherChannels,
} from './recording-io.ts'

type PlayFlags = {
  readonly key: readonly string[]
  readonly speed: number
  readonly idleLimit?: number
  readonly at: number
  readonly channel?: number
}

/** Adds `play` to `recordings`. */
export function addPlay(recordings: Command, io: Io, run: Run): void {
  recordings
    .command('play')
    .description('play a recording in this terminal')
    .argument('<recording>', 'id or file')
    .requiredOption(...KEY_OPTION, collect)
    .option('--speed <factor>', '2 plays twice as fast', positive, 1)
    .option('--idle-limit <seconds>', 'no pause is longer than this', positive)
    .option('--at <seconds>', 'show at once what came before this time', seconds, 0)
    .option(...CHANNEL_OPTION)
    .addHelpText(
      'after',
      '\nExample:\n  $ zt recordings play ID --key auditor.key --speed 2 --idle-limit 1',
    )
    .action((name: string, flags: PlayFlags) => run(() => play(io, name, flags)))
}

async function play(io: Io, name: string, flags: PlayFlags): Promise<number> {
  const opened = await openWithKeys(io, name, flags.key)
  if (!opened.ok) return report(io, opened.error)
  const { source, keys } = opened.value
  const { speed, idleLimit, channel } = flags
  const options = {
    speed,
    fromUs: flags.at * 1_000_000,
    ...(idleLimit !== undefined && { idleLimitMs: idleLimit * 1000 }),
    ...(channel !== undefined && { channel }),
  }
  const done = await io.onScreen(() => playRecording(source, keys, options, io))
  if (channel === undefined) tellOtherChannels(io, done)
  return conclude(io, done)
}

function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('It must be a number above 0.')
  return value
}

function seconds(text: string): number {
  const value = Number(text)
  if (text === '' || !(value >= 0))
    throw new InvalidArgumentError('It must be a number of seconds.')
  return value
}

function channelNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('Channels are counted from 0.')
  return Number(text)
}

/** Flags, description and parser of `--channel`. */
export const CHANNEL_OPTION = [
  '--channel <number>',
  'this channel of the session (default: the first that starts something)',
  channelNumber,
] as const
