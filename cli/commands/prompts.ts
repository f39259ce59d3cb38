/**
 * `zt prompts`: what waits for the user of this device, now or from now on.
 */
import type { Command } from 'commander'
import type { WatchEvent } from '#lib/api/control-api'
import { type CliIo, EXIT, report } from '../cli-io.ts'
import { eventLine, promptLine } from '../prompt-text.ts'
import type { Run } from './device.ts'

/** What this command does to the machine. */
export type PromptIo = {
  /** Shows a notification. @returns whether the desktop took it. */
  notifyDesktop(summary: string, body: string): Promise<boolean>
}

type Options = { readonly watch?: boolean; readonly json?: boolean; readonly notify?: boolean }

const HELP = `
--watch goes on until it is stopped, or until the daemon is (exit code 3). Where notify-send is installed, it also
raises a notification for each prompt, and for what the gateway says of connections that end.

Exit code 0, whether or not something waits; 1 when --notify cannot show notifications.

Examples:
  $ zt prompts
  $ zt prompts --watch
  $ zt prompts --json | jq -r ".[].url"`

/** Adds the command to `program`. */
export function addPromptsCommand(program: Command, io: CliIo & PromptIo, run: Run): void {
  program
    .command('prompts')
    .description('list the connections that wait for you, and where to log in for them')
    .option('--watch', 'go on: print each as it comes')
    .option('--json', 'print a JSON array; with --watch, a line of JSON for each event')
    .option('--notify', 'with --watch: fail if notifications cannot be shown')
    .option('--no-notify', 'with --watch: raise no notifications')
    .addHelpText('after', HELP)
    .action((options: Options) =>
      run(() => (options.watch ? watch(io, options) : list(io, options))),
    )
}

async function list(io: CliIo, { json }: Options): Promise<number> {
  const answer = await io.askDaemon({ method: 'prompts' })
  if (!answer.ok) return report(io, answer.error)
  const prompts = answer.value.method === 'prompts' ? answer.value.prompts : []
  if (json) io.print(JSON.stringify(prompts))
  else if (prompts.length === 0) io.print('Nothing waits for you.')
  else for (const prompt of prompts) io.print(promptLine(prompt))
  return EXIT.ok
}

async function watch(io: CliIo & PromptIo, { json, notify }: Options): Promise<number> {
  const newLine = newLines()
  const stop = new AbortController()
  let unshown = false
  const raise = async (event: WatchEvent, line: string): Promise<void> => {
    const shown = await io.notifyDesktop(summaryOf(event), line)
    unshown ||= !shown && notify === true
    if (unshown) stop.abort()
  }
  const ended = await io.watchDaemon((event) => {
    const line = newLine(event)
    if (json) io.print(JSON.stringify(event))
    else if (line !== undefined) io.print(line)
    const isEnd = event.kind === 'prompt_ended'
    if (notify !== false && line !== undefined && !isEnd) void raise(event, line)
  }, stop.signal)
  if (!ended.ok) return report(io, ended.error)
  return unshown ? report(io, NO_NOTIFICATIONS) : EXIT.ok
}

/** A prompt comes again for each connection that joins it: only the first time it is news. */
function newLines(): (event: WatchEvent) => string | undefined {
  const applications = new Map<string, string>()
  return (event) => {
    if (event.kind === 'notice') return eventLine(event, undefined)
    const { promptId } = event.kind === 'prompt' ? event.prompt : event
    const known = applications.get(promptId)
    if (event.kind === 'prompt') applications.set(promptId, event.prompt.application)
    else applications.delete(promptId)
    return event.kind === 'prompt' && known !== undefined ? undefined : eventLine(event, known)
  }
}

function summaryOf(event: WatchEvent): string {
  if (event.kind === 'notice' && event.reason === 'captive_portal') return 'A captive portal'
  return event.kind === 'prompt' ? 'A connection waits for you' : 'A message of the gateway'
}

const NO_NOTIFICATIONS = {
  code: 'no_notifications',
  message: 'Notifications cannot be shown: notify-send is missing, or there is no desktop.',
  exitCode: EXIT.failed,
}
