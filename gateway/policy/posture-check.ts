/**
 * Posture checks: what is expected of a device. Written as ./posture-shape.ts says, judged by ./judge-posture.ts.
 */
import { POSTURE_CONTENT, type PostureRequest } from '#lib/wire/posture-message'

/** What is expected, by kind. */
export type PostureExpectation =
  | { readonly kind: 'os_version'; readonly system: string; readonly minimum: string }
  /** Without mounts: every one that is on a disk. */
  | { readonly kind: 'disk_encryption'; readonly mounts: readonly string[] }
  | { readonly kind: 'firewall' }
  | {
      readonly kind: 'file'
      readonly path: string
      readonly state: 'present' | 'absent'
      /** Contents that pass; without any, every content does. */
      readonly sha256: readonly string[]
    }
  /** The executable, by path or by name. */
  | { readonly kind: 'process'; readonly process: string; readonly sha256: readonly string[] }
  | { readonly kind: 'client_version'; readonly minimum: string }
  | { readonly kind: 'sshd_config'; readonly keyword: string; readonly value: string }
  | { readonly kind: 'domain_join'; readonly domain: string }
  | {
      readonly kind: 'serial'
      readonly serials: readonly string[]
      /** Name of a list whose values are among `serials` in a document. */
      readonly serialList?: string
    }

/** One check. */
export type PostureCheck = PostureExpectation & {
  readonly name: string
  /** How often the device looks. */
  readonly everyMs: number
  /** How long what it saw counts. */
  readonly maxAgeMs: number
}

/** What the device is told of a check: where to look, never what is expected there. */
export function requestOf(check: PostureCheck): PostureRequest {
  const { name, kind, everyMs } = check
  return { name, kind, lookAt: lookAt(check), everyMs }
}

/** A digest is made only where one is expected: it costs the device a read of the whole file. */
function contentOf({ sha256 }: { readonly sha256: readonly string[] }): readonly string[] {
  return sha256.length > 0 ? [POSTURE_CONTENT] : []
}

function lookAt(check: PostureCheck): readonly string[] {
  switch (check.kind) {
    case 'disk_encryption':
      return check.mounts
    case 'file':
      return [check.path, ...contentOf(check)]
    case 'process':
      return [check.process, ...contentOf(check)]
    case 'sshd_config':
      return [check.keyword]
    default:
      return []
  }
}
