/**
 * Imports policies as numbered revisions and holds the compiled one that is in force.
 */
import { createHash } from 'node:crypto'
import {
  type CompiledPolicy,
  compileInSteps,
  compilePolicy,
  type OwnListeners,
} from './policy/compile.ts'
import type { RegisteredTarget } from './policy/document.ts'
import type { Steps } from './policy/in-steps.ts'
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
  /** Carries out what takes long, and others in between. */
  readonly inTurns: <T>(steps: Steps<T>) => Promise<T>
  /** Unix milliseconds. */
  readonly now: () => number
}

export interface PolicyInForce {
  readonly snapshot: PolicySnapshot<CompiledPolicy>
  /**
   * Stores a policy as the next revision, unless it is the newest already, and puts it in force when it is compiled whole;
   * the one before is in force until then. The caller waits before it replaces this one.
   */
  replace(source: PolicySource): Promise<void>
  /** Compiles the policy in force again, at once: listeners or registered targets changed. */
  recompile(): void
}

/** Imports the first policy. */
export function createPolicyInForce(first: PolicySource, deps: PolicyDeps): PolicyInForce {
  let { document } = first
  /** How often it was compiled again. */
  let recompiled = 0
  const optionsFor = (revision: number) => ({
    ...{ revision, own: deps.own(), registered: deps.registered() },
  })
  const compile = (revision: number) => ({
    revision,
    policy: compilePolicy(document, optionsFor(revision)),
  })
  const snapshot = createPolicySnapshot(compile(importRevision(first, deps)))
  return {
    snapshot,
    recompile() {
      recompiled++
      snapshot.replace(compile(snapshot.current.revision))
    },
    async replace(next) {
      const revision = importRevision(next, deps)
      for (;;) {
        const before = recompiled
        const policy = await deps.inTurns(compileInSteps(next.document, optionsFor(revision)))
        // What the one in force knows already of targets and listeners, the next must know, too.
        if (recompiled !== before) continue
        document = next.document
        snapshot.replace({ revision, policy })
        return
      }
    },
  }
}

function importRevision(
  { text }: PolicySource,
  { revisions, onRevision, now }: PolicyDeps,
): number {
  const sha256 = createHash('sha256').update(text).digest('hex')
  const before = revisions.latest()?.revision
  const revision = revisions.add(text, sha256, now())
  if (revision !== before) onRevision(revision, sha256)
  return revision
}
