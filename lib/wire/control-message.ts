/**
 * Messages of the control stream between daemon and gateway: JSON lines both ways over one long-lived POST.
 * `seq` counts per direction from 1; `id` joins an answer to its question. Decoders are in ./control-codec.ts.
 */
import type { Transport } from '#lib/net/flow-endpoint'
import type { PostureObservation, PostureRequest, PostureResult } from './posture-message.ts'
import type { PromptEnd, PromptNotice } from './prompt-message.ts'

/** What the gateway tells the daemon to treat as ours; a daemon's own never-list wins over it. */
export type DeviceSettings = {
  /** Zones whose names are tunnelled, with all their subdomains. */
  readonly domains: readonly string[]
  /** CIDR prefixes that are tunnelled. */
  readonly prefixes: readonly string[]
  /** What happens to everything else: the daemon dials it itself, or refuses it. */
  readonly others: 'direct' | 'refuse'
  /** Certificate authority lines for known_hosts: OpenSSH public keys of the gateway's host CA. */
  readonly sshHostAuthorities: readonly string[]
  /** What the device is to look at, and how often. */
  readonly postureRequests: readonly PostureRequest[]
  /** The service that the device acts for, and when its token expires, Unix milliseconds. Absent: it is a person's. */
  readonly service?: { readonly name: string; readonly expiresAtMs?: number }
  /** Prefixes that synthetic addresses come from, for devices that have no range of their own. From version 2 on. */
  readonly synthetic?: { readonly v4?: string; readonly v6?: string }
  /** Private destinations stay unreachable while no tunnel carries them. From version 2 on. */
  readonly lockdown?: boolean
  /** The user may not switch the tunnel off, but with a code made with this key (base64url). From version 3 on. */
  readonly lock?: { readonly overrideKey: string }
  /** Longest time that the user may open a captive portal for, milliseconds; 0: not at all. From version 4 on. */
  readonly captivePortalMs?: number
}

/** An application as its user may see it. */
export type VisibleApplication = {
  readonly name: string
  readonly destinations: readonly string[]
  readonly protocol?: string
  readonly unixUsers?: readonly string[]
}

/** Steps from a name to an answer, in order. The daemon takes the first three, the gateway the others. */
export type ExplainStepName =
  | 'destination'
  | 'route'
  | 'tunnel'
  | 'application'
  | 'policy'
  | 'session'
  | 'posture'
  | 'name'
  | 'address'
  | 'reach'

/** One step; nothing after the one that failed was tried. */
export type ExplainStep = {
  /** An `ExplainStepName`, or one that this version does not know yet. */
  readonly step: string
  readonly outcome: 'passed' | 'failed' | 'not_reached'
  readonly detail?: string
}

/** What an explanation is asked for. */
export type ExplainTarget = {
  readonly host: string
  /** 1 to 65535; 0 with `icmp`. */
  readonly port: number
  /** Absent: TCP. */
  readonly transport?: Transport
}

/**
 * The answer of `explain`, as its user may see it: the same evaluation as the flow's. Where nothing would help the user,
 * it does not tell what is there and forbidden from what is not there.
 */
export type Explanation = ExplainTarget & {
  readonly verdict: 'permit' | 'denial'
  readonly reason: string
  readonly sentence: string
  /** What to do about a step that failed. */
  readonly remedy?: string
  readonly application?: string
  readonly policy?: string
  readonly steps: readonly ExplainStep[]
}

/** Sent by the daemon. */
export type DaemonMessage =
  | {
      readonly type: 'hello'
      readonly seq: number
      readonly id: string
      readonly versions: { readonly min: number; readonly max: number }
    }
  | ({
      readonly type: 'explain'
      readonly seq: number
      readonly id: string
    } & ExplainTarget)
  | { readonly type: 'list_applications'; readonly seq: number; readonly id: string }
  | {
      readonly type: 'posture'
      readonly seq: number
      readonly id: string
      readonly observations: readonly PostureObservation[]
    }
  | {
      /** Asks to show that the audit log of `to` lines begins with that of `from` lines. */
      readonly type: 'audit_proof'
      readonly seq: number
      readonly id: string
      readonly from: number
      readonly to: number
    }

/** Sent by the gateway. */
export type GatewayMessage =
  | {
      readonly type: 'welcome'
      readonly seq: number
      readonly id: string
      readonly version: number
      readonly deviceId: string
      readonly userEmail: string
      readonly settings: DeviceSettings
    }
  | {
      readonly type: 'settings'
      readonly seq: number
      readonly id: string
      readonly settings: DeviceSettings
    }
  | {
      readonly type: 'explanation'
      readonly seq: number
      readonly id: string
      readonly explanation: Explanation
    }
  | {
      readonly type: 'applications'
      readonly seq: number
      readonly id: string
      readonly applications: readonly VisibleApplication[]
    }
  | {
      /** The answer to `posture`: all checks of this device, as they stand now. */
      readonly type: 'posture_results'
      readonly seq: number
      readonly id: string
      readonly results: readonly PostureResult[]
    }
  | {
      readonly type: 'notice'
      readonly seq: number
      readonly id: string
      readonly reason: string
      readonly sentence: string
    }
  | ({
      readonly type: 'authentication_required'
      readonly seq: number
      readonly id: string
    } & PromptNotice)
  | {
      /** A checkpoint of the audit log, for the device to hold as a witness; a compact JWS. */
      readonly type: 'checkpoint'
      readonly seq: number
      readonly id: string
      readonly checkpoint: string
    }
  | {
      /** The answer to `audit_proof`: hashes, hex. */
      readonly type: 'audit_proof'
      readonly seq: number
      readonly id: string
      readonly hashes: readonly string[]
    }
  | ({ readonly type: 'prompt_ended'; readonly seq: number; readonly id: string } & PromptEnd)
  | {
      /** A question that is not answered, and why. */
      readonly type: 'refused'
      readonly seq: number
      readonly id: string
      readonly reason: string
    }
  | {
      readonly type: 'unsupported'
      readonly seq: number
      readonly id: string
      readonly got: string
    }
