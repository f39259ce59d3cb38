/**
 * `zt admin recordings`: hold, release, shred.
 */
import type { Command } from 'commander'
import { z } from 'zod'
import { readAnswer } from '../admin-answer.ts'
import { type CliIo, EXIT, report } from '../cli-io.ts'
import { printable } from '../printable.ts'
import type { Run } from './device.ts'

const answered = z.object({ recording: z.looseObject({ id: z.string(), state: z.string() }) })

const VERBS = {
  hold: [
    'keep a recording until it is released: it is neither shredded nor does it expire',
    'held',
  ],
  release: ['end a legal hold', 'released'],
  shred: ['destroy the keys in a recording, and the recording; its manifest stays', 'shredded'],
} as const

type Options = { readonly reason: string; readonly json?: boolean }

/** Adds `recordings` to `admin`. */
export function addKeepingCommands(admin: Command, io: CliIo, run: Run): void {
  const recordings = admin
    .command('recordings')
    .description('how long recordings are kept: legal hold, and shredding')
  for (const verb of ['hold', 'release', 'shred'] as const) {
    recordings
      .command(verb)
      .description(VERBS[verb][0])
      .argument('<id>', 'id of the recording')
      .requiredOption('--reason <text>', 'why; stands in the audit log')
      .option('--json', 'print JSON')
      .addHelpText('after', `\nExample:\n  $ zt admin recordings ${verb} ID --reason "case 7"`)
      .action((id: string, options: Options) => run(() => order(io, verb, id, options)))
  }
}

async function order(
  io: CliIo,
  verb: keyof typeof VERBS,
  id: string,
  { reason, json }: Options,
): Promise<number> {
  const path = `/api/v1/recordings/${encodeURIComponent(id)}/${verb}`
  const answer = await io.admin.postJson(path, { reason })
  const done = answer.ok ? readAnswer(answered, answer.value) : answer
  if (!done.ok) return report(io, done.error)
  const { recording } = done.value
  io.print(json ? JSON.stringify(recording) : `${printable(recording.id)} ${VERBS[verb][1]}`)
  return EXIT.ok
}
