/**
 * SSH targets that administrators register, with the keys that they accepted: no other is ever learnt. A change is in
 * force at once, and flows that it concerns are decided again.
 */
import { parseHost } from '#lib/net/endpoint'
import { err, ok, type Result } from '#lib/result'
import type { CompiledPolicy } from '../../policy/compile.ts'
import type { RegisteredTarget } from '../../policy/document.ts'
import { mergeTargets } from '../../policy/ssh-targets.ts'
import type { Store, StoredTarget } from '../../store/store.ts'
import type { ScanError, ScanHost } from './host-key-scan-client.ts'
import { acceptedLines, type ScannedHost } from './scanned-host.ts'

/** What an administrator says of a host before anything is asked of it. */
export type Registration = Omit<RegisteredTarget, 'hostKeys' | 'hostAuthorities'>

/** Fingerprints that an administrator accepts; the host must show every one. */
export type Accepted = { readonly keys: readonly string[]; readonly authorities: readonly string[] }

export type RegisterError =
  | ScanError
  | { readonly reason: 'label_taken' }
  | { readonly reason: 'no_such_target' }
  | { readonly reason: 'key_not_shown'; readonly shown: ScannedHost }
  | { readonly reason: 'target_unfit'; readonly why: string }

export interface RegisteredTargets {
  readonly scan: ScanHost
  /** Those of the store, whether they count or not. */
  list(): readonly StoredTarget[]
  register(target: Registration, accepted: Accepted): Promise<Result<StoredTarget, RegisterError>>
  /** Accepts other keys in place of all that it had. */
  rotate(label: string, accepted: Accepted): Promise<Result<StoredTarget, RegisterError>>
  /** @returns whether it was registered. */
  remove(label: string): boolean
}

export type RegisteredTargetsDeps = {
  readonly store: Store['sshTargets']
  readonly scan: ScanHost
  /** The policy in force. */
  readonly policy: () => CompiledPolicy
  /** Puts it in force again, with the targets as they are now. */
  readonly onChange: () => void
  /** Unix milliseconds. */
  readonly now: () => number
}

export function openRegisteredTargets(deps: RegisteredTargetsDeps): RegisteredTargets {
  const { store, onChange, now } = deps
  const find = (label: string) => store.list().find((one) => one.label === label)
  const put = (target: RegisteredTarget): StoredTarget => {
    const stored = { ...target, registeredAtMs: now() }
    store.put(stored)
    onChange()
    return stored
  }
  return {
    scan: deps.scan,
    list: () => store.list(),
    async register(target, accepted) {
      const keys = await acceptedKeys(target, accepted, deps.scan)
      if (!keys.ok) return keys
      if (find(target.label) !== undefined) return err({ reason: 'label_taken' })
      const whole = { ...target, ...keys.value }
      const why = objectionTo(whole, deps)
      return why === undefined ? ok(put(whole)) : err({ reason: 'target_unfit', why })
    },
    async rotate(label, accepted) {
      const before = find(label)
      if (before === undefined) return err({ reason: 'no_such_target' })
      const keys = await acceptedKeys(before, accepted, deps.scan)
      if (!keys.ok) return keys
      const now = find(label)
      return now === undefined
        ? err({ reason: 'no_such_target' })
        : ok(put({ ...now, ...keys.value }))
    },
    remove(label) {
      const removed = store.remove(label)
      if (removed) onChange()
      return removed
    },
  }
}

/** Why it would be set aside. */
function objectionTo(
  target: RegisteredTarget,
  { policy, store }: RegisteredTargetsDeps,
): string | undefined {
  const { setAside } = mergeTargets(policy().document, [...store.list(), target])
  return setAside.find((one) => one.target.label === target.label)?.why
}

type Keys = Pick<RegisteredTarget, 'hostKeys' | 'hostAuthorities'>

async function acceptedKeys(
  target: Registration,
  accepted: Accepted,
  scan: ScanHost,
): Promise<Result<Keys, RegisterError>> {
  const shown = await scanAll(target, scan)
  if (!shown.ok) return shown
  const hostKeys = acceptedLines(shown.value.keys, accepted.keys)
  const hostAuthorities = acceptedLines(shown.value.authorities, accepted.authorities)
  if (hostKeys === undefined || hostAuthorities === undefined) {
    return err({ reason: 'key_not_shown', shown: shown.value })
  }
  return ok({ hostKeys, hostAuthorities })
}

/** What the target shows on all its ports together. @throws {Error} on a bad address: a bug, it was parsed. */
async function scanAll(
  { address, ports }: Registration,
  scan: ScanHost,
): Promise<Result<ScannedHost, ScanError>> {
  const host = parseHost(address)
  if (!host.ok) throw new Error(`bad address of a target: ${address}`)
  const hosts: ScannedHost[] = []
  for (const port of ports) {
    const scanned = await scan({ host: host.value, port })
    if (!scanned.ok) return scanned
    hosts.push(scanned.value)
  }
  return ok({
    keys: hosts.flatMap(({ keys }) => keys),
    authorities: hosts.flatMap(({ authorities }) => authorities),
  })
}
