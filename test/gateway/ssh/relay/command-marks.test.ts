import test from 'ava'
import { CommandIndex } from '#lib/recording/command-index'
import type { CommandEvent } from '#lib/recording/command-line'
import type { Frame } from '#lib/recording/frame'
import { DEFAULT_SSH_GRANT } from '../../../../gateway/policy/ssh-grant.ts'
import { markedShell, newNonce } from '../../../../gateway/ssh/relay/command-marks.ts'
import { FORWARD, send } from '../../../../gateway/ssh/relay/relay-action.ts'
import { openRelayRig, TARGET } from '../../../support/relay-rig.ts'
import { channelRequest, fields } from '../../../support/ssh-messages.ts'
import { startSshPair } from '../../../support/ssh-pair.ts'

const pty = channelRequest(TARGET, 'pty-req', fields('xterm', 80, 24, 0, 0, ''))
const shell = channelRequest(TARGET, 'shell')

test('S6: a shell on a terminal becomes one that marks its commands, where that is asked for', (t) => {
  const { relay, events } = openRelayRig({ grant: { commandMarks: 'osc133' } })
  t.deepEqual(relay.take('user', pty), FORWARD)
  const action = relay.take('user', shell)
  const marks = events.find(({ type }) => type === 'command_marks')
  if (marks?.type !== 'command_marks') throw new Error('no marks')
  const exec = channelRequest(TARGET, 'exec', fields(markedShell(marks.nonce)))
  t.deepEqual(action, send('target', exec))
  t.deepEqual(
    events.map(({ type }) => type),
    ['pty', 'shell', 'command_marks'],
  )
})

test('S6: a shell is left alone without a terminal, or where no marks are asked for', (t) => {
  const bare = openRelayRig({ grant: { commandMarks: 'osc133' } })
  t.deepEqual(bare.relay.take('user', shell), FORWARD)
  const plain = openRelayRig()
  plain.relay.take('user', pty)
  t.deepEqual(plain.relay.take('user', shell), FORWARD)
  const command = openRelayRig({ grant: { commandMarks: 'osc133' } })
  command.relay.take('user', pty)
  t.deepEqual(command.relay.take('user', channelRequest(TARGET, 'exec', fields('id'))), FORWARD)
})

test('S6: every shell has a nonce of its own', (t) => {
  t.is(new Set(Array.from({ length: 100 }, newNonce)).size, 100)
})

async function indexOf(frames: readonly Frame[]): Promise<readonly CommandEvent[]> {
  const index = new CommandIndex()
  const events: CommandEvent[] = []
  for (const frame of frames) events.push(...(await index.feed(frame)))
  return [...events, ...(await index.end())]
}

test('S6 T67: ssh to a target with marks: the index names each command and how it ended', async (t) => {
  const grants = [{ ...DEFAULT_SSH_GRANT, commandMarks: 'osc133' }] as const
  const pair = await startSshPair([], { limitsToo: { grants } })
  t.teardown(() => pair.stop())
  const typed = 'echo $((6 * 7))\n(exit 3)\nexit 9\n'
  const { code, stdout } = await pair.proxied.ssh(['-tt', 'target'], typed)
  t.is(code, 9, "the shell's own exit code comes through")
  t.regex(stdout.toString(), /42\r\n/)
  await pair.gateway.lastEnd()
  const events = await indexOf(await pair.gateway.frames(pair.gateway.sessions.at(-1) ?? ''))
  const marked = events.flatMap((event): (string | number)[] => {
    if (event.type === 'exit') return [event.code]
    return event.source === 'osc133' ? [`${event.confidence}: ${event.text}`] : []
  })
  t.deepEqual(marked, ['high: echo $((6 * 7))', 0, 'high: (exit 3)', 3, 'high: exit 9'])
})
