/** The thread that reads typed commands: terminals are drawn here, so that sessions never wait for them. */
import { parentPort } from 'node:worker_threads'
import { CommandIndex } from '#lib/recording/command-index'
import type { CommandEvent } from '#lib/recording/command-line'
import type { CommandAnswer, CommandBatch, TypedCommand } from './command-batch.ts'

/** Longer ones are cut, characters. */
const TEXT_LIMIT = 4096

const indexes = new Map<string, CommandIndex>()

parentPort?.on('message', (batch: CommandBatch) => void answer(batch))

/** What it throws ends the thread: that is noticed, and a new one begins. */
async function answer(batch: CommandBatch): Promise<void> {
  const commands = (await read(batch)).flatMap(asTyped)
  parentPort?.postMessage({ session: batch.session, commands } satisfies CommandAnswer)
}

async function read({ session, frames, begins, ends }: CommandBatch) {
  const found: CommandEvent[] = []
  if (begins) await indexes.get(session)?.end()
  const index = (begins ? undefined : indexes.get(session)) ?? new CommandIndex()
  indexes.set(session, index)
  for (const frame of frames) {
    const events = 'skipped' in frame ? index.skip(frame.channel, frame.skipped) : index.feed(frame)
    found.push(...(await events))
  }
  if (ends) {
    found.push(...(await index.end()))
    indexes.delete(session)
  }
  return found
}

/** Facts are recorded as such. */
function asTyped(event: CommandEvent): readonly TypedCommand[] {
  if (event.type !== 'command') return []
  const { channel, timeUs, outputBytes, source, confidence, text } = event
  if (source !== 'osc133' && source !== 'screen' && source !== 'hidden') return []
  const place = { channel, atUs: timeUs, outputBytes }
  return [{ type: 'command', ...place, source, confidence, text: text.slice(0, TEXT_LIMIT) }]
}
