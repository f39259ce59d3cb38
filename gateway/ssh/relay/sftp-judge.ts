/**
 * Judges SFTP requests by rules on paths. A path is refused unless it is known where it leads: `..` is never resolved
 * here, since behind a symbolic link it leads elsewhere than it reads. What links that are there already lead to is
 * the target's business; new ones are not made under rules on paths.
 */
import type { SftpRules } from '../../policy/ssh-grant.ts'
import type { SftpAsk } from './sftp-request.ts'

/** Why a request was refused. */
export type SftpObjection = 'read_only' | 'path_not_allowed' | 'path_not_plain' | 'request_unknown'

export class SftpJudge {
  readonly #rules: readonly SftpRules[]
  /** What relative paths are relative to, once the target said so. */
  #home: string | undefined

  /** @param rules all of them must agree; with none everything passes. */
  constructor(rules: readonly SftpRules[]) {
    this.#rules = rules
  }

  get hasRules(): boolean {
    return this.#rules.length > 0
  }

  /** The target said what this path is. */
  resolved(asked: string, path: string): void {
    if ((asked === '.' || asked === '') && path.startsWith('/')) this.#home ??= path
  }

  /** @returns why a request is refused, or undefined when it passes. */
  objectionTo(ask: SftpAsk): SftpObjection | undefined {
    if (!this.hasRules) return undefined
    if (ask.kind === 'unknown') return 'request_unknown'
    for (const rules of this.#rules) {
      const objection = rules.readOnly && changes(ask) ? 'read_only' : this.#byPath(ask, rules)
      if (objection !== undefined) return objection
    }
    return undefined
  }

  /** Paths of files that a request opens or changes: absolute where the home directory is known, `..` taken literally. */
  touchedBy(ask: SftpAsk): readonly string[] {
    if (ask.kind !== 'open' && ask.kind !== 'change') return []
    return pathsOf(ask).map((written) => foldedPath(written, this.#home))
  }

  #byPath(ask: SftpAsk, { paths, denyPaths }: SftpRules): SftpObjection | undefined {
    if (paths === undefined && denyPaths.length === 0) return undefined
    // A link is made to any text, and then leads there.
    if (ask.kind === 'change' && ask.operation === 'symlink') return 'path_not_allowed'
    for (const written of pathsOf(ask)) {
      const path = plainPath(written, this.#home)
      if (path === undefined) return 'path_not_plain'
      const isAllowed = paths?.some((root) => isWithin(path, root)) ?? true
      const isDenied = denyPaths.some((root) => isWithin(path, root))
      const holdsDenied = moves(ask) && denyPaths.some((root) => isWithin(root, path))
      if (!isAllowed || isDenied || holdsDenied) return 'path_not_allowed'
    }
    return undefined
  }
}

function changes(ask: SftpAsk): boolean {
  if (ask.kind === 'open') return ask.writes
  return ask.kind === 'write' || ask.kind === 'change' || ask.kind === 'change_by_handle'
}

/** Under another name, what is denied would be found. */
function moves(ask: SftpAsk): boolean {
  return ask.kind === 'change' && ask.toPath !== undefined
}

/** Paths that must be allowed. REALPATH is how clients find out where they are. */
function pathsOf(ask: SftpAsk): readonly string[] {
  if (ask.kind === 'realpath' || !('path' in ask) || ask.path === undefined) return []
  return 'toPath' in ask && ask.toPath !== undefined ? [ask.path, ask.toPath] : [ask.path]
}

/** The one way to write a path; undefined when that is not known. */
function plainPath(written: string, home: string | undefined): string | undefined {
  const isAbsolute = written.startsWith('/')
  if (!isAbsolute && home === undefined) return undefined
  const parts = (isAbsolute ? written : `${home}/${written}`).split('/')
  if (written.includes('\0') || parts.some(hasTwoDots)) return undefined
  return `/${parts.filter((part) => part !== '' && part !== '.').join('/')}`
}

/** Targets on Windows take the backslash for a slash. */
function hasTwoDots(part: string): boolean {
  return part.split('\\').includes('..')
}

/** Where a path leads if no part of it is a link; a relative one under a home that is not known stays relative. */
function foldedPath(written: string, home: string | undefined): string {
  const isRelative = !written.startsWith('/')
  const whole = isRelative && home !== undefined ? `${home}/${written}` : written
  const parts: string[] = []
  for (const part of whole.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return isRelative && home === undefined ? parts.join('/') : `/${parts.join('/')}`
}

/** Whether a path is the root or below it. */
export function isWithin(path: string, root: string): boolean {
  return root === '/' || path === root || path.startsWith(`${root}/`)
}
