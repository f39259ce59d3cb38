/**
 * The daemon's control socket: JSON lines over a Unix socket, one request at a time per connection.
 * `enroll` and `login` answer with any number of `progress` lines before their `result` or `error`; `watch` with `event`
 * lines, for as long as the caller stays. After the answer to `open` the connection is a flow.
 */

import type { DoctorReport } from '#lib/api/doctor-api'
import type { Setting } from '#lib/api/setting'
import type { SshCertificate } from '#lib/api/ssh-certificate-api'
import type { ServiceCredentials } from '#lib/enrol/service-credentials'
import type { FlowRefusal } from '#lib/tunnel/tunnel-connection'
import type { ExplainTarget, Explanation, VisibleApplication } from '#lib/wire/control-message'
import type { PostureFailure, PostureFinding } from '#lib/wire/posture-message'
import type { PromptEnd, PromptNotice } from '#lib/wire/prompt-message'

/** What `zt` asks; every field is untrusted in the daemon. */
export type ControlRequest =
  | { readonly method: 'status' }
  | {
      readonly method: 'enroll'
      readonly url: string
      readonly caSha256?: string
      readonly deviceName?: string
      /** To enrol for a service, without a person. */
      readonly serviceToken?: ServiceCredentials
    }
  | { readonly method: 'login' }
  | { readonly method: 'logout' }
  | { readonly method: 'up' }
  | { readonly method: 'down' }
  /** Lifts the lock of this device. */
  | { readonly method: 'override'; readonly code: string }
  /** Opens the captive portal that was found, or closes it. */
  | { readonly method: 'portal'; readonly open: boolean }
  | { readonly method: 'settings' }
  | { readonly method: 'apps' }
  | ({ readonly method: 'explain' } & ExplainTarget)
  | { readonly method: 'prompts' }
  | {
      readonly method: 'ssh_certificate'
      /** OpenSSH line of a key that `zt` made. */
      readonly publicKey: string
      /** UNIX users; empty: all that policy grants. */
      readonly principals: readonly string[]
    }
  | { readonly method: 'watch' }
  /** Of a program that `zt run` runs. The connection becomes the flow: nothing is sent before the answer. */
  | OpenFlowRequest
  | {
      readonly method: 'resolve'
      /** One DNS message, base64url. */
      readonly query: string
      readonly via: 'udp' | 'tcp'
      /** Only names that are ours. */
      readonly onlyPrivate?: boolean
    }
  /** `bundle`: with the texts of an archive. */
  | { readonly method: 'doctor'; readonly bundle?: boolean }

/** A flow: after the answer capsules of a stream (`lib/tunnel/stream-capsules.ts`), or of datagrams (RFC 9297). */
export type OpenFlowRequest = {
  readonly method: 'open'
  readonly transport: 'tcp' | 'udp' | 'icmp'
  /** A name, or an address; one that stands for a name on this device is that name. */
  readonly host: string
  /** 0 with ICMP alone. */
  readonly port: number
  /** Refused where it would go directly. */
  readonly onlyPrivate?: boolean
}

/** A posture check of this device: what the daemon tells the gateway, and what the gateway thinks of it. */
export type PostureStatus = {
  readonly name: string
  readonly kind: string
  readonly lookAt: readonly string[]
  /** `unknown` until the gateway has said it. */
  readonly result: 'passed' | 'failed' | 'unknown'
  readonly detail?: string
  /** RFC 3339. */
  readonly observedAt?: string
  readonly found?: PostureFinding | PostureFailure
}

/** Whether traffic of programs without proxy settings is taken. */
export type TransparentStatus = {
  /** `refused`: it could not be; nothing of it is left on this machine. */
  readonly state: 'on' | 'off' | 'refused'
  readonly reason?: string
  readonly detail?: string
  readonly mode?: 'redirect' | 'tun-nat'
  /** Prefixes of the gateway that stay with this machine, with the reason. */
  readonly leftOut?: readonly string[]
  readonly counters?: {
    readonly packets: number
    readonly dropped: Readonly<Record<string, number>>
    readonly open: Readonly<Record<'tcp' | 'udp' | 'icmp', number>>
  }
  /** The resolver of private names: how questions reach it, or why not by themselves. */
  readonly resolver?: {
    readonly mode?: 'resolved' | 'port53' | 'resolv_conf' | 'off'
    readonly reason?: string
    readonly detail?: string
    readonly addresses: readonly string[]
    readonly queries: number
    readonly ours: number
    readonly forwarded: number
    /** To questions that nobody asked: not heard. */
    readonly strayAnswers?: number
    readonly refused: Readonly<Record<string, number>>
  }
}

/** `open`: by the user, until then (RFC 3339); `blocked`: programs do not reach it; `obstacle`: why it cannot be opened. */
export type PortalStatus = {
  /** A name or an address. It is the network's word. */
  readonly host: string
  readonly state: 'reachable' | 'blocked' | 'open'
  readonly openUntil?: string
  readonly obstacle?: string
}

/** The daemon's state, as `zt status` shows it. */
export type DaemonStatus = {
  readonly version: string
  readonly state:
    | 'not_enrolled'
    | 'down'
    | 'connecting'
    | 'connected'
    | 'unreachable'
    | 'revoked'
    | 'certificate_expired'
  /** Since when it is so, RFC 3339. */
  readonly since?: string
  /** Why the state is what it is, when it is not `connected`. */
  readonly reason?: string
  readonly gatewayUrl?: string
  readonly userEmail?: string
  /** In place of a person: the service, and when its token expires. */
  readonly service?: { readonly name: string; readonly expiresAt?: string }
  readonly deviceId?: string
  readonly certificateNotAfter?: string
  /** The tunnel may not be switched off; `liftedUntil`: but now it may, RFC 3339. */
  readonly lock?: { readonly liftedUntil?: string }
  /** A captive portal that stands before the gateway. */
  readonly portal?: PortalStatus
  /** Connections that are warm now. */
  readonly connections: number
  readonly openFlows: number
  /** When data last passed through the tunnel, RFC 3339. */
  readonly lastHeardAt?: string
  readonly proxy: { readonly host: string; readonly port: number; readonly pacUrl: string }
  /** Connections to the proxy port that were refused since they came from another user. */
  readonly refusedOtherUsers: number
  readonly domains: readonly string[]
  readonly prefixes: readonly string[]
  readonly sshHostAuthorities: readonly string[]
  /** Empty when the gateway asks for nothing. */
  readonly posture: readonly PostureStatus[]
  /** What waits for the user. */
  readonly prompts: readonly PromptNotice[]
  /** Absent in proxy mode. */
  readonly transparent?: TransparentStatus
  /** The gateway's audit log, as far as this device was shown that it only grew. */
  readonly auditLog?: {
    readonly entries: number
    /** RFC 3339. */
    readonly signedAt: string
    /** The log is not what it was. */
    readonly alarm?: { readonly reason: string; readonly at: string }
  }
}

/**
 * What happens meanwhile. A prompt comes again, with the same id, for every connection that joins it; what is open
 * already comes first. A `notice` is a sentence of the gateway, as of a connection that it ended.
 */
export type WatchEvent =
  | { readonly kind: 'prompt'; readonly prompt: PromptNotice }
  | ({ readonly kind: 'prompt_ended' } & PromptEnd)
  | { readonly kind: 'notice'; readonly reason: string; readonly sentence: string }

/** What a user has to do in a browser. */
export type LoginPrompt = {
  readonly verificationUrl: string
  readonly userCode: string
  /** Words that the page shows too, so that the user sees it is the same request. */
  readonly keyWords: string
  readonly expiresAt: string
}

/** One line of an answer. `code` is a stable reason; `message` names cause and remedy. */
export type ControlReply =
  | { readonly type: 'progress'; readonly prompt: LoginPrompt }
  | { readonly type: 'event'; readonly event: WatchEvent }
  | { readonly type: 'result'; readonly value: ControlResult }
  | { readonly type: 'error'; readonly code: string; readonly message: string }

/** Value of a `result`, by method. */
export type ControlResult =
  | {
      readonly method: 'status' | 'login' | 'up' | 'down' | 'override' | 'portal' | 'enroll'
      readonly status: DaemonStatus
    }
  | {
      readonly method: 'logout'
      readonly status: DaemonStatus
      /** False: this device is forgotten here, and still registered there. */
      readonly gatewayTold: boolean
    }
  | { readonly method: 'settings'; readonly settings: readonly Setting[] }
  | { readonly method: 'apps'; readonly applications: readonly VisibleApplication[] }
  | { readonly method: 'explain'; readonly explanation: Explanation }
  | { readonly method: 'prompts'; readonly prompts: readonly PromptNotice[] }
  | { readonly method: 'ssh_certificate'; readonly certificate: SshCertificate }
  | { readonly method: 'doctor'; readonly report: DoctorReport }
  /** The caller has gone. */
  | { readonly method: 'watch' }
  | { readonly method: 'open'; readonly refusal?: FlowRefusal }
  /** Without an answer: nothing sensible can be said to the query. */
  | { readonly method: 'resolve'; readonly answer?: string }
