/** Sessions whose user has to log in first: told in a banner, held inside user authentication, the same connection. */
import { once } from 'node:events'
import test, { type ExecutionContext } from 'ava'
import { err, type Result } from '#lib/result'
import type { Missed } from '../../../gateway/enforce/missed.ts'
import type { SshTarget } from '../../../gateway/enforce/ssh-service.ts'
import type { SshTiming } from '../../../gateway/ssh/ssh-service-deps.ts'
import { startSshPair } from '../../support/ssh-pair.ts'

const LINE = 'zt: db needs you to log in: https://login.example.com/prompt/x'

/** A stock client in front of a gateway that waits until it is told how the wait ended. */
async function startWaiting(
  t: ExecutionContext,
  { timing = {}, command = 'true' }: { timing?: Partial<SshTiming>; command?: string } = {},
) {
  let tell = (_line: string): void => {}
  let release = (_end?: Result<SshTarget, Missed>): void => {}
  const pair = await startSshPair([], {
    timing,
    waiting(onAsked, reached) {
      tell = onAsked
      onAsked(LINE)
      return new Promise((resolve) => {
        release = (end = reached) => resolve(end)
      })
    },
  })
  t.teardown(() => pair.stop())
  const child = pair.proxied.start(['target', command])
  t.teardown(() => child.kill('SIGKILL'))
  let text = ''
  let look = (): void => {}
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      look()
    })
  }
  child.stdin?.end()
  const exited = once(child, 'close')
  return {
    ...pair,
    child,
    tell: (line: string) => tell(line),
    release: (end?: Result<SshTarget, Missed>) => release(end),
    says: (words: string) =>
      new Promise<void>((resolve) => {
        look = () => text.includes(words) && resolve()
        look()
      }),
    ended: async () => ({ code: (await exited)[0] as number | null, text }),
  }
}

test('S14: the client reads where to log in, and the same connection goes on after it', async (t) => {
  const grace = { loginGraceMs: 6000 }
  const held = await startWaiting(t, { timing: grace, command: 'echo out; exit 7' })
  await held.says(LINE)
  t.notRegex(held.sshd.log(), /Accepted/)
  // The person may take longer than a login: that time does not count.
  await new Promise((resolve) => setTimeout(resolve, grace.loginGraceMs * 1.1))
  held.release()
  const { code, text } = await held.ended()
  t.is(code, 7, text)
  t.regex(text, /out\n/)
  t.is((await held.gateway.lastEnd()).closeReason, 'done')
  t.is(held.gateway.sessions.length, 1)
})

test('S14: another thing that is asked then is told as well', async (t) => {
  const held = await startWaiting(t)
  await held.says(LINE)
  const next = 'zt: db needs you to say what the connection is for: https://x/'
  held.tell(next)
  await held.says(next)
  held.release()
  t.is((await held.ended()).code, 0)
})

for (const reason of ['prompt_expired', 'hold_full', 'denied_by_policy'] as const) {
  test(`S14: a wait that ends without access is told in the client's terminal: ${reason}`, async (t) => {
    const held = await startWaiting(t)
    await held.says(LINE)
    held.release(err(reason))
    const { code, text } = await held.ended()
    t.is(code, 255)
    // A sentence with the remedy as a banner, and the code in the DISCONNECT.
    t.regex(text, new RegExp(`prompt/x\\r?\\n[^]*zt: [A-Z][^]*zt: ${reason}`))
    t.is((await held.gateway.lastEnd()).closeReason, reason)
    t.deepEqual(held.gateway.sessions, [])
    t.notRegex(held.sshd.log(), /Accepted/)
  })
}

test('S14: a client that goes away meanwhile ends the session; a target that comes too late is let go', async (t) => {
  const held = await startWaiting(t)
  await held.says(LINE)
  held.child.kill('SIGTERM')
  await held.ended()
  const [target] = held.gateway.targets
  const gone = target && once(target, 'close')
  held.release()
  t.is((await held.gateway.lastEnd()).closeReason, 'user_connection_lost')
  await gone
  t.deepEqual(held.gateway.sessions, [])
})
