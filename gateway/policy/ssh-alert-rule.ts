import type { ForwardDestination } from './ssh-grant.ts'

/** What in an SSH session is worth an alert: any one thing that is named. */
export type SshAlertRule = {
  readonly name: string
  /** Absent: every application. */
  readonly applications?: readonly string[]
  /** Commands that are asked for, `*` for any text. */
  readonly exec: readonly string[]
  /** Commands that are typed, as far as the screen shows them. */
  readonly command: readonly string[]
  /** Paths of files, each with what is below. */
  readonly sftp: readonly string[]
  readonly forward: readonly ForwardDestination[]
  /** More octets of one session than this, from the user or to the user. */
  readonly uploadBytes?: number
  readonly downloadBytes?: number
  readonly action: 'report' | 'end' | 'require_login'
  /** Whether those who are alerted are told what matched, too. */
  readonly includeText: boolean
}
