/** SSH targets as the admin API shows them: those of the policy and the registered ones together. Pure. */
import { parseHost } from '#lib/net/endpoint'
import { fingerprint } from '#lib/ssh/public-key'
import { parsePublicKeyLine } from '#lib/ssh/public-key-line'
import type { CompiledPolicy } from '../policy/compile.ts'
import type { RegisteredTarget } from '../policy/document.ts'
import type { StoredTarget } from '../store/store.ts'
import { times } from './admin-json.ts'

/** `why`: the target counts for nothing, and the reason. */
export function sshTargetsJson(policy: CompiledPolicy, stored: readonly StoredTarget[]) {
  const { targets, setAside } = policy.sshTargets
  const written = new Set(policy.document.sshTargets.map(({ label }) => label))
  const describe = (target: RegisteredTarget, why?: string) => {
    const registered = stored.find(({ label }) => label === target.label)
    const isWritten = why === undefined && written.has(target.label)
    return {
      ...targetJson(target),
      source: isWritten ? (registered === undefined ? 'policy' : 'both') : 'registered',
      applications: why === undefined ? applicationsOf(policy, target) : [],
      ...times({ registeredAt: registered?.registeredAtMs }),
      ...(why !== undefined && { why }),
    }
  }
  return [
    ...targets.map((target) => describe(target)),
    ...setAside.map(({ target, why }) => describe(target, why)),
  ]
}

/** A target by itself. */
export function targetJson(target: RegisteredTarget) {
  const { label, address, ports, tags, network, hostKeys, hostAuthorities } = target
  return {
    ...{ label, address, ports, tags, network },
    hostKeys: hostKeys.map(keyJson),
    hostAuthorities: hostAuthorities.map(keyJson),
  }
}

function keyJson(line: string) {
  const parsed = parsePublicKeyLine(line)
  const shown = parsed.ok
    ? { type: parsed.value.type, fingerprint: fingerprint(parsed.value.blob) }
    : {}
  return { type: '', fingerprint: '', ...shown, line }
}

/** Who owns it, on any of its ports. */
function applicationsOf(
  { applications }: CompiledPolicy,
  { address, ports }: RegisteredTarget,
): readonly string[] {
  const host = parseHost(address)
  if (!host.ok) return []
  const owners = ports.flatMap((port) => {
    const [owner] = applications.matches(host.value, { port, transport: 'tcp' })
    return owner === undefined ? [] : [owner.value.name]
  })
  return [...new Set(owners)]
}
