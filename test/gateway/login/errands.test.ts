import test from 'ava'
import { errandOf } from '../../../gateway/login/errands.ts'
import type { LoginDeps } from '../../../gateway/login/login-deps.ts'
import type { Prompt } from '../../../gateway/prompt/prompts.ts'
import type { User } from '../../../gateway/store/store.ts'
import { PROMPT, testDesk } from '../../support/prompt-desk.ts'

const NOW = 1_800_000_000_000
const HALF_AN_HOUR = 1800

/** Whether a login of the prompt's user is offered for it. */
function isOffered(change: Partial<Prompt>, ageMs: number): boolean {
  const prompts = testDesk({ ...PROMPT, ...change })
  const deps: Partial<LoginDeps> = { prompts, now: () => NOW }
  const errand = errandOf(deps as LoginDeps, { for: 'prompt', promptId: PROMPT.id })
  const user = { id: PROMPT.userId } as User
  return errand?.accepts({ user, login: { atMs: NOW - ageMs } }) ?? false
}

test('A5: an earlier login is offered as long as the desk would take it, and not a moment longer', (t) => {
  const change = { maxAgeSeconds: HALF_AN_HOUR }
  t.true(isOffered(change, HALF_AN_HOUR * 1000 - 1))
  t.false(isOffered(change, HALF_AN_HOUR * 1000))
  t.true(isOffered({}, Number.MAX_SAFE_INTEGER))
})

test('A5: where methods are asked for by no context class, an earlier login is not offered', (t) => {
  t.false(isOffered({ remedy: 'mfa' }, 0))
})
