/**
 * What the user asked the target to forward, and was granted: only for that may the target open channels (T44).
 */
import { SshReader } from '#lib/ssh/reader'
import { type ForwardTarget, printForwardTarget } from './forward-target.ts'

/** Listeners of one session; each is a socket at the target. */
const LISTENERS_LIMIT = 256

export class AskedForwards {
  #agent = false
  #x11 = false
  readonly #listeners = new Map<string, ForwardTarget>()

  askedForAgent(): void {
    this.#agent = true
  }

  askedForX11(): void {
    this.#x11 = true
  }

  get full(): boolean {
    return this.#listeners.size >= LISTENERS_LIMIT
  }

  /**
   * The target listens. @param reply what stands in REQUEST_SUCCESS: the port, where 0 was asked for
   * (RFC 4254 section 7.1).
   */
  listens(asked: ForwardTarget, reply: Buffer): void {
    const listener = withPort(asked, reply)
    this.#listeners.set(printForwardTarget(listener), listener)
  }

  /** The user wants no more of it. */
  cancelled(target: ForwardTarget): void {
    this.#listeners.delete(printForwardTarget(target))
  }

  /** Whether the target may open a channel of this kind. */
  covers(kind: string, target: ForwardTarget | undefined): boolean {
    if (kind === 'auth-agent@openssh.com') return this.#agent
    if (kind === 'x11') return this.#x11
    if (target === undefined) return false
    return [...this.#listeners.values()].some((listener) => isAt(listener, target))
  }
}

function withPort(asked: ForwardTarget, reply: Buffer): ForwardTarget {
  if (asked.kind === 'unix' || asked.port !== 0) return asked
  return { ...asked, port: new SshReader(reply).uint32() }
}

/** Servers name the bind address that was asked for, or the address that was reached: the port is the listener's. */
function isAt(listener: ForwardTarget, opened: ForwardTarget): boolean {
  if (listener.kind === 'unix') return opened.kind === 'unix' && opened.path === listener.path
  return opened.kind === 'tcp' && opened.port === listener.port
}
