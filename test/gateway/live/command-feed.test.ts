import { Worker } from 'node:worker_threads'
import test, { type ExecutionContext } from 'ava'
import type { LogFields } from '#lib/log'
import type { SessionEvent } from '#lib/recording/session-event'
import { readTypedCommands } from '../../../gateway/live/command-feed-job.ts'
import { createLiveSessions } from '../../../gateway/live/live-sessions.ts'
import { heard } from '../../support/live-ssh.ts'
import { startSshPair } from '../../support/ssh-pair.ts'

const READER = new URL('../../../gateway/live/command-reader-job.js', import.meta.url)
const SHELL = "PS1='ready> ' exec bash --norc --noprofile -i"

/** A shell on a terminal, recorded without its octets, whose typed commands are read. */
async function startShell(t: ExecutionContext, isNeeded = true) {
  const live = createLiveSessions()
  const logged: LogFields[] = []
  const readers: Worker[] = []
  const write = (fields: LogFields) => void logged.push(fields)
  const startReader = () => {
    const reader = new Worker(READER)
    readers.push(reader)
    return reader
  }
  const feed = readTypedCommands(live, {
    ...{ isNeeded: () => isNeeded, startReader },
    log: { info: write, warn: write, error: write },
  })
  const noted: SessionEvent[] = []
  const looking = new Set<() => void>()
  live.onBegun((session) =>
    session.follow({
      data: () => undefined,
      event(event) {
        noted.push(event)
        for (const look of looking) look()
      },
      end: () => undefined,
    }),
  )
  const pair = await startSshPair([], {
    ...{ deps: { live }, limitsToo: { recordScope: 'commands' } },
  })
  t.teardown(async () => {
    await pair.stop()
    await feed.stop()
  })
  const client = heard(pair.proxied.start(['-tt', 'target', SHELL]))
  await client.prints('ready>')
  const notes = (text: string) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (JSON.stringify(noted).includes(text)) resolve()
      }
      looking.add(look)
      look()
    })
  const recorded = async () => {
    await pair.gateway.lastEnd()
    const frames = await pair.gateway.frames(pair.gateway.sessions[0] ?? '')
    return frames.flatMap((frame) => ('event' in frame ? [frame.event] : []))
  }
  return { pair, live, feed, client, logged, readers, notes, recorded }
}

const texts = (events: readonly SessionEvent[]) =>
  events.flatMap((event) => (event.type === 'command' ? [event.text] : []))

test('S6: a recording without octets has the commands that were typed, the last one too, and no password', async (t) => {
  const { pair, client, notes, recorded } = await startShell(t)
  client.type('echo fi\u007f\u007ffirst-$((40+2))\n')
  await client.prints('first-42')
  await notes('echo first-$((40+2))')
  client.type('read -s -p "pass: " SECRET; echo got-$((3+4))\n')
  await client.prints('pass: ')
  client.type('marker-of-a-secret\n')
  await client.prints('got-7')
  client.type('exit 3\n')
  t.is(await client.closed, 3)
  const events = await recorded()
  t.deepEqual(texts(events), [
    'echo first-$((40+2))',
    'read -s -p "pass: " SECRET; echo got-$((3+4))',
    '[18 characters not echoed]',
    'exit 3',
  ])
  t.notRegex(JSON.stringify(events), /marker-of-a-secret/)
  t.notRegex(String(pair.gateway.sealed()), /marker-of-a-secret/)
})

test('S6: a flood of output is read by its tail, and a command after it is found', async (t) => {
  const { live, feed, client, notes } = await startShell(t)
  const [session] = live.list()
  t.truthy(session)
  let most = 0
  session?.follow({
    data() {
      most = Math.max(most, feed.waitingOctets(session.about.id))
    },
    event: () => undefined,
    end: () => undefined,
  })
  client.type('head -c 30000000 /dev/zero | tr "\\0" x; echo; echo over-$((1+1))\n')
  await client.prints('over-2')
  client.type('echo after-the-flood\n')
  await notes('echo after-the-flood')
  t.true(most > 0 && most <= 256 * 1024, `${most} octets waited`)
})

test('S6: a reader that dies is told of and replaced; the session goes on', async (t) => {
  const { client, readers, logged, notes, recorded } = await startShell(t)
  client.type('echo one-$((1+0))\n')
  await client.prints('one-1')
  await notes('echo one')
  await readers[0]?.terminate()
  await notes('reader_died')
  client.type('echo two-$((1+1))\n')
  await client.prints('two-2')
  client.type('echo three-$((1+2))\n')
  await client.prints('three-3')
  await notes('echo three')
  client.type('exit\n')
  t.is(await client.closed, 0)
  t.is(readers.length, 2)
  t.true(logged.some(({ reason, times }) => reason === 'reader_died' && times === 1))
  const missed = (await recorded()).filter(({ type }) => type === 'commands_missed')
  t.deepEqual(missed, [{ type: 'commands_missed', channel: -1, reason: 'reader_died' }])
})

test('S6: where nobody asks for typed commands, no thread begins', async (t) => {
  const { client, readers, recorded } = await startShell(t, false)
  client.type('exit\n')
  t.is(await client.closed, 0)
  t.is(readers.length, 0)
  t.deepEqual(texts(await recorded()), [])
})
