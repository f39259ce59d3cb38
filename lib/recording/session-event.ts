/**
 * What a recording holds besides bytes: facts about an SSH session, sealed with it.
 * Every event belongs to a channel, counted from 0 in the order of opening; session-wide events use channel -1.
 */
import type { Confidence, TypedSource } from './command-origin.ts'

/** Direction and kind of relayed bytes. `input` is what the user sent and may have its own recipients. */
export type StreamName = 'input' | 'output' | 'stderr'

/** One fact. Text is as the client or target sent it, decoded as UTF-8 with replacement; never trusted. */
export type SessionEvent =
  | { readonly type: 'channel_opened'; readonly channel: number; readonly kind: string }
  | { readonly type: 'channel_closed'; readonly channel: number }
  | {
      readonly type: 'pty'
      readonly channel: number
      readonly term: string
      readonly columns: number
      readonly rows: number
    }
  | {
      readonly type: 'resize'
      readonly channel: number
      readonly columns: number
      readonly rows: number
    }
  | { readonly type: 'shell'; readonly channel: number }
  | { readonly type: 'exec'; readonly channel: number; readonly command: string }
  /** The shell was started so that it marks its commands in the output (OSC 133), with this nonce. */
  | { readonly type: 'command_marks'; readonly channel: number; readonly nonce: string }
  | { readonly type: 'subsystem'; readonly channel: number; readonly name: string }
  | {
      readonly type: 'env'
      readonly channel: number
      readonly name: string
      readonly value: string
    }
  | { readonly type: 'signal'; readonly channel: number; readonly name: string }
  | { readonly type: 'eof'; readonly channel: number; readonly from: 'user' | 'target' }
  | { readonly type: 'exit_status'; readonly channel: number; readonly code: number }
  | {
      readonly type: 'exit_signal'
      readonly channel: number
      readonly name: string
      readonly coreDumped: boolean
    }
  | {
      readonly type: 'sftp'
      readonly channel: number
      /** SFTP v3 operation in lower case, for example `open`, `close`, `rename`, `remove`. */
      readonly operation: string
      readonly path: string
      /** Second path of rename, symlink and hardlink. */
      readonly toPath?: string
      /** SSH_FX_* status of the answer; 0 is success. */
      readonly status?: number
      readonly readBytes?: number
      readonly wroteBytes?: number
    }
  /** The SFTP stream of the channel is not followed from here on; its bytes are recorded as ever. */
  | { readonly type: 'sftp_unreadable'; readonly channel: number; readonly reason: string }
  /** A forwarding was granted: of a listener at the target, of the agent, of X11. */
  | {
      readonly type: 'forward_requested'
      readonly channel: number
      /** Request that asked for it, for example `tcpip-forward`. */
      readonly kind: string
      /** `host:port` or socket to listen on, if it names one. */
      readonly target?: string
    }
  /** A channel was opened through which something is forwarded. */
  | {
      readonly type: 'forward_opened'
      readonly channel: number
      /** Channel type, for example `direct-tcpip`. */
      readonly kind: string
      /** `host:port` or socket; absent for agent and X11. */
      readonly target?: string
    }
  | {
      readonly type: 'forward_closed'
      readonly channel: number
      readonly fromUserBytes: number
      readonly fromTargetBytes: number
    }
  /** A way to another target was opened; the session there has a recording of its own, which names this one. */
  | { readonly type: 'hop_opened'; readonly channel: number; readonly target: string }
  /** SSH is spoken inside the forwarding, which is not looked into. */
  | { readonly type: 'nested_opaque'; readonly channel: number }
  /** A command that was typed at a terminal, as it was read while the session went on: see ./command-origin.ts. */
  | {
      readonly type: 'command'
      readonly channel: number
      /** When Enter was pressed, and what the channel had printed by then. */
      readonly atUs: number
      readonly outputBytes: number
      readonly source: TypedSource
      readonly confidence: Confidence
      readonly text: string
    }
  /** Typed commands are not known from here on for a while; on channel -1. */
  | { readonly type: 'commands_missed'; readonly channel: number; readonly reason: string }
  /** A rule of the policy noticed something in the session; on channel -1. */
  | {
      readonly type: 'alert'
      readonly channel: number
      readonly rule: string
      /** What the rule says is done: `report`, `end` or `require_login`. */
      readonly action: string
    }
  | {
      readonly type: 'refused'
      readonly channel: number
      /** Channel type, channel request or global request name that was refused. */
      readonly what: string
      /** Destination, bind address or subsystem it named, if any. */
      readonly target?: string
      readonly reason: string
    }
