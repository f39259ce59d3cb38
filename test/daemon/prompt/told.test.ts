import test from 'ava'
import type { WatchEvent } from '#lib/api/control-api'
import type { PromptNotice } from '#lib/wire/prompt-message'
import { createTold, type ToldOptions } from '../../../daemon/prompt/told.ts'

const ORIGIN = 'https://login.example.com:7443'
const ID = 'abcdefghijklmnopqrst-_'
const prompt: PromptNotice = {
  promptId: ID,
  application: 'database',
  host: 'db1.corp.internal',
  port: 22,
  remedy: 'login',
  url: `${ORIGIN}/prompt/${ID}`,
  reason: 'session_expired',
  /** Long ago by this machine's clock. */
  expiresAtMs: 100,
}

function told(change: Partial<ToldOptions> = {}) {
  const state = createTold({ loginOrigin: () => ORIGIN, ...change })
  const events: WatchEvent[] = []
  const stop = state.watch((event) => events.push(event))
  return { state, events, stop }
}

test('D9: a prompt is listed until the gateway ends it, or a new stream says what is open; no clock counts', (t) => {
  const { state, events, stop } = told()
  t.true(state.prompt(prompt).ok)
  t.deepEqual(state.prompts, [prompt])
  state.promptEnded({ promptId: ID, outcome: 'satisfied' })
  state.promptEnded({ promptId: ID, outcome: 'satisfied' })
  t.deepEqual(state.prompts, [])
  t.deepEqual(
    events.map(({ kind }) => kind),
    ['prompt', 'prompt_ended'],
  )
  state.prompt(prompt)
  state.welcomed()
  t.deepEqual(state.prompts, [])
  stop()
  state.notice('device_revoked', 'Bye.')
  t.is(events.length, 3)
})

test('D9: who comes to watch hears first what is open', (t) => {
  const { state } = told()
  state.prompt(prompt)
  const seen: WatchEvent[] = []
  state.watch((event) => seen.push(event))
  t.deepEqual(seen, [{ kind: 'prompt', prompt }])
})

const elsewhere: Record<string, string> = {
  'another host': `https://login.example.org/prompt/${ID}`,
  'another port': `https://login.example.com/prompt/${ID}`,
  'no TLS': `http://login.example.com:7443/prompt/${ID}`,
  'a host that begins like ours': `${ORIGIN}.evil.example/prompt/${ID}`,
  'our origin as a user name': `https://login.example.com:7443@evil.example/prompt/${ID}`,
  'another path': `${ORIGIN}/logout?${ID}`,
  'another prompt': `${ORIGIN}/prompt/${'x'.repeat(22)}`,
  'more behind it': `${ORIGIN}/prompt/${ID}?next=https://evil.example`,
  script: 'javascript:alert(1)',
}
for (const [title, url] of Object.entries(elsewhere)) {
  test(`D9 T94: an address elsewhere is not shown: ${title}`, (t) => {
    const { state, events } = told()
    t.deepEqual(state.prompt({ ...prompt, url }), { ok: false, error: 'bad_prompt_url' })
    t.deepEqual(state.prompts, [])
    t.deepEqual(events, [])
  })
}

test('D9: nothing is shown before the device is enrolled, nor without end', (t) => {
  t.false(told({ loginOrigin: () => undefined }).state.prompt(prompt).ok)
  const { state } = told()
  for (let n = 0; n < 64; n++) {
    const promptId = `${n}`.padStart(22, 'x')
    t.true(state.prompt({ ...prompt, promptId, url: `${ORIGIN}/prompt/${promptId}` }).ok)
  }
  t.deepEqual(state.prompt(prompt), { ok: false, error: 'too_many_prompts' })
})
