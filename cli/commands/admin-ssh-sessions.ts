/**
 * `zt admin ssh-sessions`: SSH sessions that are going on. List them, watch one, end one.
 */
import type { Command } from 'commander'
import { z } from 'zod'
import { printRecipient } from '#lib/seal/recipient-key'
import { readAnswer } from '../admin-answer.ts'
import { type CliIo, EXIT, report } from '../cli-io.ts'
import { playRecording } from '../recordings/read-recording.ts'
import { tableText } from '../render.ts'
import type { Run } from './device.ts'
import { conclude, type RecordingIo } from './recording-io.ts'

/** What watching does to the machine. */
export type WatchIo = Pick<RecordingIo, 'readKey' | 'write' | 'onScreen'>

type JsonOption = { readonly json?: boolean }

const PATH = '/api/v1/ssh-sessions'

/** A session of the admin API; what is more is passed on as it is. */
const row = z.looseObject({
  id: z.string(),
  startedAt: z.string(),
  user: z.string(),
  unixUser: z.string(),
  host: z.string(),
  application: z.string(),
  recorded: z.boolean(),
  watch: z.string(),
  passedOctets: z.number(),
})
const listing = z.object({ sessions: z.array(row) })

/** Adds `ssh-sessions` to `admin`. */
export function addSshSessionCommands(admin: Command, io: CliIo & WatchIo, run: Run): void {
  const sessions = admin
    .command('ssh-sessions')
    .description('SSH sessions that are going on: list, watch and end them')
  sessions
    .command('list')
    .description('list SSH sessions that are going on, oldest first')
    .option('--json', 'print a JSON array')
    .action((options: JsonOption) => run(() => list(io, options)))
  sessions
    .command('watch')
    .description('see a session from now on; it is sealed to your key on its way')
    .argument('<id>', 'id of the session')
    .requiredOption('--key <file>', 'private key of a recipient of recordings')
    .option('--moderate', 'be the moderator that the session needs; it pauses when you leave')
    .option('--as <email>', 'with --moderate: who you are')
    .addHelpText(
      'after',
      '\nThe policy of the application says whether its user is told.\n\nExample:\n  $ zt admin ssh-sessions watch ID --key auditor.key\n  $ zt admin ssh-sessions watch ID --key auditor.key --moderate --as bob@example.com',
    )
    .action((id: string, options: WatchOptions) => run(() => watch(io, id, options)))
  sessions
    .command('end')
    .description('end a session before its next byte; its user reads that an administrator did')
    .argument('<id>', 'id of the session')
    .option('--json', 'print JSON')
    .action((id: string, options: JsonOption) => run(() => end(io, id, options)))
}

async function list(io: CliIo, { json }: JsonOption): Promise<number> {
  const answer = await io.admin.getJson(PATH)
  const found = answer.ok ? readAnswer(listing, answer.value) : answer
  if (!found.ok) return report(io, found.error)
  const { sessions } = found.value
  io.print(json ? JSON.stringify(sessions) : sessionTable(sessions))
  return EXIT.ok
}

type WatchOptions = { readonly key: string; readonly moderate?: boolean; readonly as?: string }

async function watch(io: CliIo & WatchIo, id: string, options: WatchOptions): Promise<number> {
  const { moderate = false, as } = options
  if (moderate !== (as !== undefined)) {
    const message = '--moderate and --as EMAIL go together'
    return report(io, { code: 'bad_option', message, exitCode: EXIT.usage })
  }
  const key = await io.readKey(options.key)
  if (!key.ok) return report(io, key.error)
  const recipient = encodeURIComponent(printRecipient(key.value))
  const by = as === undefined ? '' : `&moderator=${encodeURIComponent(as)}`
  const path = `${PATH}/${encodeURIComponent(id)}/watch?recipient=${recipient}${by}`
  const sealed = await io.admin.getBytes(path)
  if (!sealed.ok) return report(io, sealed.error)
  // It comes as it happens: nothing is waited for.
  const terminal = { write: io.write, sleep: async () => undefined }
  const done = await io.onScreen(() =>
    playRecording(sealed.value, [key.value], { speed: 1 }, terminal),
  )
  return conclude(io, done)
}

async function end(io: CliIo, id: string, { json }: JsonOption): Promise<number> {
  const answer = await io.admin.postJson(`${PATH}/${encodeURIComponent(id)}/end`, {})
  if (!answer.ok) return report(io, answer.error)
  io.print(json ? JSON.stringify({ id, ended: true }) : 'ended')
  return EXIT.ok
}

function sessionTable(rows: readonly z.infer<typeof row>[]): string {
  const headings = ['id', 'started', 'user', 'as', 'host', 'application', 'recorded', 'octets']
  return tableText(
    headings,
    rows.map((one) => [
      ...[one.id, one.startedAt, one.user, one.unixUser, one.host, one.application],
      one.recorded ? 'yes' : 'no',
      String(one.passedOctets),
    ]),
  )
}
