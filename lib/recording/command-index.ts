/**
 * The commands of a session, made of its frames: at view time from what was opened, or live, before anything is sealed.
 * Requests and file operations are facts; commands of interactive shells are read from marks and from the screen.
 *
 * Memory: 128 KiB of output and a terminal of about 300 KiB for each channel that is typed into, for 32 at most.
 */
import { ChannelCommands } from './channel-commands.ts'
import type { CommandEvent, CommandLine, Moment } from './command-line.ts'
import type { Frame } from './frame.ts'
import { AFTER_GAP } from './output-tail.ts'
import type { SessionEvent } from './session-event.ts'

/** Channels with a terminal that are read at once; sessions have a handful. */
const TERMINALS_LIMIT = 32

export class CommandIndex {
  readonly #channels = new Map<number, ChannelCommands>()
  readonly #printed = new Map<number, number>()
  /** Then commands are read here, and not taken as somebody read them before. */
  #hasOutput = false

  /**
   * Takes the next frame, in order of time; wait for one before the next. Bytes may be changed after it resolves.
   * Without frames of the class input, only facts and marks are found.
   */
  async feed(frame: Frame): Promise<readonly CommandEvent[]> {
    if ('event' in frame) return this.#event(frame.timeUs, frame.event)
    const { channel, stream, bytes, timeUs } = frame
    const moment = this.#moment(timeUs, channel)
    if (stream === 'input') return (await this.#channels.get(channel)?.typed(bytes, moment)) ?? []
    this.#hasOutput = true
    this.#printed.set(channel, moment.outputBytes + bytes.length)
    return (await this.#channels.get(channel)?.printed(bytes, moment)) ?? []
  }

  /** Takes note of output that is not fed, in octets: what comes next stands on a line of its own. */
  async skip(channel: number, octets: number): Promise<readonly CommandEvent[]> {
    const moment = this.#moment(0, channel)
    this.#printed.set(channel, moment.outputBytes + octets)
    return (await this.#channels.get(channel)?.printed(AFTER_GAP, moment)) ?? []
  }

  /** After the last frame: lines that were sent and not seen. */
  async end(): Promise<readonly CommandEvent[]> {
    const rest: CommandEvent[] = []
    for (const channel of this.#channels.keys()) rest.push(...(await this.#close(channel)))
    return rest
  }

  async #event(timeUs: number, event: SessionEvent): Promise<readonly CommandEvent[]> {
    const commands = this.#channels.get(event.channel)
    const moment = this.#moment(timeUs, event.channel)
    switch (event.type) {
      case 'pty':
        this.#open(event, moment)
        return []
      case 'resize':
        commands?.resize(event)
        return []
      case 'command_marks':
        commands?.expectMarks(event.nonce)
        return []
      case 'channel_closed':
        this.#printed.delete(event.channel)
        return this.#close(event.channel)
      case 'command':
        return this.#hasOutput ? [] : [asLine(event)]
      default: {
        const fact = factOf(event, moment, commands !== undefined)
        return fact ? [fact] : []
      }
    }
  }

  #open(pty: SessionEvent & { readonly type: 'pty' }, moment: Moment): void {
    if (this.#channels.has(pty.channel) || this.#channels.size >= TERMINALS_LIMIT) return
    this.#channels.set(pty.channel, new ChannelCommands(pty, moment))
  }

  async #close(channel: number): Promise<readonly CommandEvent[]> {
    const commands = this.#channels.get(channel)
    this.#channels.delete(channel)
    return (await commands?.end()) ?? []
  }

  #moment(timeUs: number, channel: number): Moment {
    return { channel, timeUs, outputBytes: this.#printed.get(channel) ?? 0 }
  }
}

/** Read while the session went on. */
function asLine({ atUs, ...read }: SessionEvent & { readonly type: 'command' }): CommandLine {
  return { ...read, timeUs: atUs }
}

/** What was asked for in so many words. */
function factOf(event: SessionEvent, moment: Moment, terminal: boolean): CommandLine | undefined {
  const line = (source: CommandLine['source'], text: string): CommandLine => {
    return { type: 'command', ...moment, source, confidence: 'fact', text, fact: event }
  }
  switch (event.type) {
    case 'exec':
      return line('exec', event.command)
    case 'shell':
      return line('shell', terminal ? '[interactive shell]' : '[shell without a terminal]')
    case 'subsystem':
      return line('subsystem', event.name)
    case 'sftp':
      return line('sftp', sftpText(event))
    default:
      return undefined
  }
}

function sftpText(event: SessionEvent & { readonly type: 'sftp' }): string {
  const { operation, path, toPath, status = 0, readBytes = 0, wroteBytes = 0 } = event
  const notes = [
    ...(readBytes > 0 ? [`read ${readBytes} octets`] : []),
    ...(wroteBytes > 0 ? [`wrote ${wroteBytes} octets`] : []),
    ...(status === 0 ? [] : [`status ${status}`]),
  ]
  const names = toPath === undefined ? path : `${path} -> ${toPath}`
  return `${operation} ${names}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}`
}
