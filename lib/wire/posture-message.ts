/**
 * Device posture on the control stream: the gateway says what to look at, the device says what it found, the gateway
 * judges. What is expected never leaves the gateway.
 */

/** Behind a path or process in `lookAt`: the digest of the content is wanted too. */
export const POSTURE_CONTENT = 'sha256'

/** What the gateway wants to be told, again and again. */
export type PostureRequest = {
  /** Name of the check. */
  readonly name: string
  /** A `PostureFinding['kind']`, or one that this daemon does not know yet. */
  readonly kind: string
  /** Paths, mount points, a process or a keyword, as the kind has it; empty where the kind needs none, or means all. */
  readonly lookAt: readonly string[]
  readonly everyMs: number
}

/** What a device found. */
export type PostureFinding =
  | {
      readonly kind: 'os_version'
      /** Version of each system that this machine is: `{ debian: '12', linux: '6.1.0' }`. */
      readonly versions: Readonly<Record<string, string>>
    }
  | {
      readonly kind: 'disk_encryption'
      readonly mounts: readonly { readonly mount: string; readonly encrypted: boolean }[]
    }
  | { readonly kind: 'firewall'; readonly enabled: boolean; readonly by?: string }
  | {
      readonly kind: 'file'
      readonly exists: boolean
      /** Where links led to. */
      readonly resolved?: string
      /** Hex, where it was wanted; absent when it is no regular file, or too large. */
      readonly sha256?: string
    }
  | {
      readonly kind: 'process'
      /** Each executable that runs under the name or path, once. */
      readonly running: readonly { readonly path: string; readonly sha256?: string }[]
    }
  | { readonly kind: 'client_version'; readonly version: string }
  | { readonly kind: 'sshd_config'; readonly value: string; readonly by?: string }
  | { readonly kind: 'domain_join'; readonly domains: readonly string[] }
  | { readonly kind: 'serial'; readonly serial: string }

/** Why a device found nothing. */
export type PostureFailure = {
  readonly kind: 'none'
  /** `unsupported`: this daemon does not know the kind; `unsupported_system`: not on this operating system. */
  readonly reason: 'unreadable' | 'unsupported' | 'unsupported_system'
  readonly detail?: string
}

/** One answer to one request; repeats what it is an answer to. */
export type PostureObservation = Omit<PostureRequest, 'everyMs'> & {
  /** Age at the time of sending: the clocks of the two may differ. */
  readonly observedAgoMs: number
  readonly found: PostureFinding | PostureFailure
}

/** What the gateway thinks of one check. */
export type PostureResult = {
  readonly name: string
  readonly passed: boolean
  /** Names what is wrong, never what is expected. */
  readonly detail: string
  /** How long it holds without a new observation; 0 when it failed. */
  readonly validForMs: number
}
