/**
 * Imports policies as numbered revisions and holds the compiled one that is in force.
 */
import { createHash } from 'node:crypto'
import { type CompiledPolicy, compilePolicy, type OwnListeners } from './policy/compile.ts'
import type { RegisteredTarget } from './policy/document.ts'
import { createPolicySnapshot, type PolicySnapshot } from './policy-snapshot.ts'
import type { PolicySource } from './policy-source.ts'
import type { Store } from './store/store.ts'

export type PolicyDeps = {
  readonly revisions: Store['revisions']
  /** Where the gateway listens now; asked at each import. */
  readonly own: () => OwnListeners
  /** Told of a revision that the store did not have, before it is in force. */
  readonly onRevision: (revision: number, sha256: string) => void
  /** SSH targets that administrators registered; asked at each import. */
  readonly registered: () => readonly RegisteredTarget[]
  /** Unix milliseconds. */
  readonly now: () => number
}

export interface PolicyInForce {
  readonly snapshot: PolicySnapshot<CompiledPolicy>
  /** Stores a policy as the next revision, unless it is the newest already, and puts it in force. */
  replace(source: PolicySource): void
  /** Compiles the policy in force again, after listeners or registered targets changed. */
  recompile(): void
}

/** Imports the first policy. */
export function createPolicyInForce(first: PolicySource, deps: PolicyDeps): PolicyInForce {
  let source = first
  const compiled = () => {
    const sha256 = createHash('sha256').update(source.text).digest('hex')
    const before = deps.revisions.latest()?.revision
    const revision = deps.revisions.add(source.text, sha256, deps.now())
    if (revision !== before) deps.onRevision(revision, sha256)
    return {
      revision,
      policy: compilePolicy(source.document, {
        revision,
        own: deps.own(),
        registered: deps.registered(),
      }),
    }
  }
  const snapshot = createPolicySnapshot(compiled())
  const recompile = (): void => snapshot.replace(compiled())
  return {
    snapshot,
    recompile,
    replace(next) {
      source = next
      recompile()
    },
  }
}
