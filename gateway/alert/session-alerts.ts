/** Which alert rules match what happens in one SSH session. Pure: what passes goes in, matches come out. */
import type { SessionEvent } from '#lib/recording/session-event'
import type { SshAlertRule } from '../policy/ssh-alert-rule.ts'
import { printForwardTarget } from '../ssh/relay/forward-target.ts'
import { anyMatches } from '../ssh/relay/grants.ts'
import type { Asked } from '../ssh/relay/relay-watch.ts'
import { isWithin } from '../ssh/relay/sftp-judge.ts'
import { matchesPattern } from '../ssh/relay/text-pattern.ts'

export type AlertKind = 'exec' | 'command' | 'sftp' | 'forward' | 'upload' | 'download'

export type AlertMatch = {
  readonly rule: SshAlertRule
  readonly kind: AlertKind
  /** What matched; may be secret, and is never trusted. */
  readonly text?: string
}

/** Alerts that one rule raises in one session; a client could ask for the same thing for ever. */
export const ALERTS_LIMIT = 100
/** In a rule on commands `*` stands for everything: here a pattern looks for something, it permits nothing. */
const NOTHING = /(?!)/
const DIRECTIONS = ['upload', 'download'] as const
type Direction = (typeof DIRECTIONS)[number]

/** The rules that count in sessions of an application. */
export function rulesFor(
  application: string,
  rules: readonly SshAlertRule[],
): readonly SshAlertRule[] {
  return rules.filter((rule) => rule.applications?.includes(application) ?? true)
}

/** Whether typed commands of an application's sessions are looked at. */
export function looksAtCommands(application: string, rules: readonly SshAlertRule[]): boolean {
  return rulesFor(application, rules).some(({ command }) => command.length > 0)
}

export class SessionAlerts {
  readonly #rules: () => readonly SshAlertRule[]
  readonly #octets: Record<Direction, number> = { upload: 0, download: 0 }
  /** Rules and directions of which the user has heard. */
  readonly #exceeded = new Set<string>()
  readonly #raised = new Map<string, number>()

  /** @param rules those that count for the session now; a policy may change while it goes on. */
  constructor(rules: () => readonly SshAlertRule[]) {
    this.#rules = rules
  }

  event(event: SessionEvent): readonly AlertMatch[] {
    if (event.type === 'exec') return this.#text('exec', event.command)
    if (event.type === 'command' && event.source !== 'hidden') {
      return this.#text('command', event.text)
    }
    // A stream of files that cannot be followed may do anything with any of them.
    if (event.type === 'sftp_unreadable')
      return this.#matches('sftp', ({ sftp }) => sftp.length > 0)
    return []
  }

  asking(asked: Asked): readonly AlertMatch[] {
    if (asked.kind === 'forward') {
      const { target } = asked
      const isMeant = ({ forward }: SshAlertRule) => anyMatches(forward, target)
      return this.#matches('forward', isMeant, printForwardTarget(target))
    }
    const touches = (path: string) => (rule: SshAlertRule) =>
      rule.sftp.some((root) => isWithin(path, root))
    return asked.paths.flatMap((path) => this.#matches('sftp', touches(path), path))
  }

  /** Takes the count of octets that are about to pass. Each rule alerts once for each direction. */
  passing(direction: Direction, octets: number): readonly AlertMatch[] {
    this.#octets[direction] += octets
    const total = this.#octets[direction]
    return this.#matches(direction, (rule) => {
      const limit = direction === 'upload' ? rule.uploadBytes : rule.downloadBytes
      if (limit === undefined || total <= limit) return false
      const key = `${direction} ${rule.name}`
      return !this.#exceeded.has(key) && this.#exceeded.add(key) !== undefined
    })
  }

  #text(kind: 'exec' | 'command', text: string): readonly AlertMatch[] {
    const isMeant = (rule: SshAlertRule) =>
      rule[kind].some((pattern) => matchesPattern(pattern, text, NOTHING))
    return this.#matches(kind, isMeant, text)
  }

  #matches(
    kind: AlertKind,
    isMeant: (rule: SshAlertRule) => boolean,
    text?: string,
  ): readonly AlertMatch[] {
    return this.#rules()
      .filter(isMeant)
      .filter(({ name }) => this.#countsStill(name))
      .map((rule) => ({ rule, kind, ...(text !== undefined && { text }) }))
  }

  #countsStill(rule: string): boolean {
    const raised = (this.#raised.get(rule) ?? 0) + 1
    this.#raised.set(rule, raised)
    return raised <= ALERTS_LIMIT
  }
}
