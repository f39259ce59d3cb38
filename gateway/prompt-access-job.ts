/** Prompts, put together: flows that wait, and what the login origin tells of their users. */
import type { Log } from '#lib/log'
import { err } from '#lib/result'
import type { AccessChange } from './access-change.ts'
import type { AccessRequests } from './access-request/access-requests-store.ts'
import type { FlowTable } from './flow/flow-table.ts'
import type { CompiledPolicy } from './policy/compile.ts'
import type { PolicySnapshot } from './policy-snapshot.ts'
import { type Holding, startHolding } from './prompt/hold-job.ts'
import { createPromptDesk } from './prompt/prompt-desk.ts'
import type { PromptDesk } from './prompt/prompts.ts'
import type { Store } from './store/store.ts'

export type PromptAccessOptions = {
  /** URL of the login listener. */
  readonly loginUrl: string
  readonly store: Pick<Store, 'devices' | 'accessRequests'>
  readonly table: FlowTable
  readonly snapshot: PolicySnapshot<CompiledPolicy>
  /** Has live flows decided again; resolves when they are. */
  readonly settle: (change: AccessChange) => Promise<void>
  readonly accessRequests: AccessRequests
  readonly log: Log
  /** Unix milliseconds. */
  readonly now: () => number
}

export type PromptAccess = { readonly holding: Holding; readonly prompts: PromptDesk }

export function openPromptAccess(options: PromptAccessOptions): PromptAccess {
  const { store, table, snapshot, accessRequests, settle, log, now } = options
  const device = (id: string) => store.devices.get(id)
  const holding = startHolding({
    ...{ device, table, log, now },
    loginOrigin: new URL(options.loginUrl).origin,
    requestApproval(asked, purpose) {
      const requested = accessRequests.ask(asked, purpose)
      if (requested.ok) return requested
      return err(requested.error === 'not_asked_for' ? 'policy_changed' : requested.error)
    },
    isDenied: (requestId) => store.accessRequests.get(requestId)?.state === 'denied',
    waitMs: () => snapshot.current.policy.document.promptTimeoutMs,
  })
  const prompts = createPromptDesk({
    ...{ holding, device, settle, now },
    keepLogin: (deviceId, login) => store.devices.update(deviceId, { login }),
    keepPurpose: (prompt, purpose) => void accessRequests.justify(prompt, purpose),
  })
  return { holding, prompts }
}
