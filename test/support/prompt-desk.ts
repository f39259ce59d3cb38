/** A desk with prompts that a test puts there. */
import type { LoginContext } from '../../gateway/identity/identity.ts'
import type { Prompt, PromptDesk } from '../../gateway/prompt/prompts.ts'

export const PROMPT: Prompt = {
  id: 'prompt-0123456789abcdef',
  deviceId: 'device-1',
  deviceName: "Ann's laptop",
  sourceAddress: '127.0.0.1',
  userId: 'user-1',
  userEmail: 'alice@example.com',
  application: 'database',
  host: 'db1.corp.internal',
  port: 5432,
  remedy: 'login',
  createdAtMs: 0,
  expiresAtMs: Number.MAX_SAFE_INTEGER,
}

export type TestDesk = { -readonly [Name in keyof PromptDesk]: PromptDesk[Name] } & {
  readonly open: Map<string, Prompt>
  readonly logins: { readonly userId: string; readonly login: LoginContext }[]
  readonly purposes: string[]
}

/** Takes every login and every purpose, and closes the prompt. */
export function testDesk(...prompts: readonly Prompt[]): TestDesk {
  const open = new Map(prompts.map((prompt) => [prompt.id, prompt]))
  const logins: TestDesk['logins'] = []
  const purposes: string[] = []
  const close = ({ id }: Prompt) =>
    open.delete(id)
      ? ({ ok: true, value: undefined } as const)
      : ({ ok: false, error: 'prompt_expired' } as const)
  return {
    open,
    logins,
    purposes,
    find: (id) => open.get(id),
    async loggedIn(prompt, user, login) {
      logins.push({ userId: user.id, login })
      return close(prompt)
    },
    async justified(prompt, _user, purpose) {
      purposes.push(purpose)
      return close(prompt)
    },
  }
}
