/**
 * Looks at this machine for one posture request. Never rejects: what cannot be seen is told with the reason why.
 */
import type { PostureFailure, PostureRequest } from '#lib/wire/posture-message'
import { POSTURE_FINDING } from '#lib/wire/posture-schema'
import { findDisks } from './disk-os.ts'
import { findDomains } from './domain-os.ts'
import { findFile } from './file-os.ts'
import { findFirewall } from './firewall-os.ts'
import { findSerial, findVersions } from './machine-os.ts'
import type { Found } from './plan.ts'
import { findProcess } from './process-os.ts'
import { findSshdSetting } from './sshd-os.ts'

/** Looks once. @param signal ends what it started. */
export type Collect = (request: PostureRequest, signal: AbortSignal) => Promise<Found>

/** A look that takes longer has failed, ms. */
const LOOK_LIMIT_MS = 10_000

/** @param daemonVersion what `client_version` is told. */
export function createCollect(
  daemonVersion: string,
  platform: NodeJS.Platform,
  lookLimitMs: number = LOOK_LIMIT_MS,
): Collect {
  const collectors = collectorsOf(daemonVersion)
  return async ({ kind, lookAt }, signal) => {
    const collector = collectors.get(kind)
    if (collector === undefined) return { kind: 'none', reason: 'unsupported' }
    if (platform !== 'linux' && kind !== 'client_version') {
      return { kind: 'none', reason: 'unsupported_system', detail: platform }
    }
    const limit = AbortSignal.any([signal, AbortSignal.timeout(lookLimitMs)])
    try {
      return checked(await Promise.race([collector(lookAt, limit), rejectOn(limit)]))
    } catch (error) {
      return unreadable(error)
    }
  }
}

function collectorsOf(version: string) {
  return new Map<string, (lookAt: readonly string[], signal: AbortSignal) => Promise<Found>>([
    ['os_version', findVersions],
    ['disk_encryption', findDisks],
    ['firewall', (_, signal) => findFirewall(signal)],
    ['file', findFile],
    ['process', findProcess],
    ['client_version', async () => ({ kind: 'client_version', version })],
    ['sshd_config', ([keyword = ''], signal) => findSshdSetting(keyword, signal)],
    ['domain_join', findDomains],
    ['serial', findSerial],
  ])
}

/** A path or name beyond what the wire carries must not end the control stream. */
function checked(found: Found): Found {
  if (found.kind === 'none') return found
  return POSTURE_FINDING.safeParse(found).success
    ? found
    : unreadable(new Error('too much to tell'))
}

function rejectOn(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('it took too long')), { once: true })
  })
}

/** Codes of the system say enough; a message may name paths of others. */
function unreadable(error: unknown): PostureFailure {
  const { code, message } = error as { code?: unknown; message?: unknown }
  const detail = String(typeof code === 'string' ? code : message).slice(0, DETAIL_LIMIT)
  return { kind: 'none', reason: 'unreadable', detail }
}

const DETAIL_LIMIT = 200
