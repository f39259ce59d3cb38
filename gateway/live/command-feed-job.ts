/**
 * Commands typed at terminals, read while sessions go on, in one thread for all of them. It runs while a session needs
 * it. Who reads too slowly, or dies, misses commands; sessions neither wait nor end.
 */
import { Worker } from 'node:worker_threads'
import type { Log } from '#lib/log'
import type { CommandAnswer } from './command-batch.ts'
import { CommandTap } from './command-tap.ts'
import type { LiveSession, SessionTap } from './live-session.ts'
import type { LiveSessions } from './live-sessions.ts'

/** Heap of the thread; a terminal takes about 300 KiB. */
const HEAP_LIMIT_MIB = 256
/** What kills a reader may come again. */
const RESTART_AFTER_MS = 1000
/** The thread ends this long after the last session that needed it. */
const IDLE_MS = 60_000
/** How long the end of a recording waits for the last commands. */
const LAST_COMMANDS_MS = 1000

export type CommandFeedDeps = {
  /** Whether somebody wants to know the typed commands of a session that begins. */
  readonly isNeeded: (session: LiveSession) => boolean
  readonly log: Log
  /** In place of the thread. */
  readonly startReader?: () => Worker
}

function startThread(): Worker {
  return new Worker(new URL('./command-reader-job.js', import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: HEAP_LIMIT_MIB },
  })
}

/** Reads from now on; commands become events of their sessions, told by `note`. */
export function readTypedCommands(
  live: Pick<LiveSessions, 'onBegun'>,
  { isNeeded, log, startReader = startThread }: CommandFeedDeps,
): CommandFeed {
  const feed = new CommandFeed(log, startReader)
  live.onBegun((session) => {
    if (isNeeded(session)) feed.follow(session)
  })
  return feed
}

class CommandFeed {
  readonly #log: Log
  readonly #startReader: () => Worker
  readonly #taps = new Map<string, CommandTap>()
  #reader: Worker | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(log: Log, startReader: () => Worker) {
    this.#log = log
    this.#startReader = startReader
  }

  /** What waits to be read of a session, in octets. */
  waitingOctets(sessionId: string): number {
    return this.#taps.get(sessionId)?.waitingOctets ?? 0
  }

  follow(session: LiveSession): void {
    const { id } = session.about
    const tap = new CommandTap(session, this.#log)
    const done = new Promise<void>((resolve) => {
      tap.onDone = () => {
        this.#taps.delete(id)
        this.#idle()
        resolve()
      }
    })
    this.#taps.set(id, tap)
    tap.onUnread = () => this.#send(tap)
    session.follow(withLastCommands(tap, done))
  }

  /** Ends the thread; what was not read is missed. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    const reader = this.#reader
    this.#reader = undefined
    reader?.removeAllListeners()
    for (const tap of this.#taps.values()) tap.giveUp()
    clearTimeout(this.#timer)
    await reader?.terminate()
  }

  #send(tap: CommandTap): void {
    // A reader that died is waited for.
    if (this.#reader === undefined && this.#timer !== undefined) return
    const batch = tap.takeBatch()
    if (batch === undefined) return
    this.#reader ??= this.#start()
    this.#reader.postMessage(batch)
  }

  #start(): Worker {
    const reader = this.#startReader()
    reader.unref()
    reader.on('message', ({ session, commands }: CommandAnswer) =>
      this.#answered(session, commands),
    )
    reader.on('error', (error) =>
      this.#log.error({ error: String(error) }, 'command reader failed'),
    )
    reader.once('exit', () => this.#died(reader))
    return reader
  }

  #answered(session: string, commands: CommandAnswer['commands']): void {
    const tap = this.#taps.get(session)
    tap?.answered(commands)
    if (tap !== undefined) this.#send(tap)
  }

  #died(reader: Worker): void {
    if (this.#reader !== reader) return
    this.#reader = undefined
    this.#after(RESTART_AFTER_MS, () => {
      for (const tap of this.#taps.values()) this.#send(tap)
    })
    for (const tap of this.#taps.values()) tap.readerDied()
  }

  #idle(): void {
    if (this.#reader === undefined) return
    this.#after(IDLE_MS, () => {
      if (this.#taps.size === 0) void this.stop()
    })
  }

  #after(delayMs: number, act: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      act()
    }, delayMs)
    this.#timer.unref()
  }
}

/** The tap, and how long to wait for what it has to say after the end. */
function withLastCommands(tap: CommandTap, done: Promise<void>): SessionTap {
  return {
    data: (...passed) => tap.data(...passed),
    event: (event) => tap.event(event),
    end: () => tap.end(),
    async settled() {
      const timer = setTimeout(() => tap.giveUp(), LAST_COMMANDS_MS)
      await done
      clearTimeout(timer)
    },
  }
}
