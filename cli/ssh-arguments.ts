/**
 * The arguments of `zt ssh`, taken apart as ssh(1) does. Pure. Names of hosts and users are validated here, before
 * ssh, its ProxyCommand or known_hosts see them.
 */
import { type Host, parseEndpoint, parseHost } from '#lib/net/endpoint'
import { err, ok, type Result } from '#lib/result'

/** A host, and who logs in there. */
export type SshHop = { readonly user?: string; readonly host: Host; readonly port?: number }

/** Arguments of `zt ssh`, taken apart. */
export type SshInvocation = SshHop & {
  /** Options for ssh, as given, but `-J`. */
  readonly options: readonly string[]
  /** Hosts of `-J`, the first one first. */
  readonly jumps: readonly SshHop[]
  readonly command: readonly string[]
}

export type SshArgumentError = {
  readonly reason: 'no_destination' | 'bad_host' | 'bad_user' | 'option_without_value'
  readonly got: string
}

/** Letters of the options of ssh(1) of OpenSSH 9 that take a value. */
const TAKES_VALUE = /[BbcDEeFIiJLlmOopQRSWw]/
/** POSIX portable names with the characters directories use; no `$`, backslash, quote, space, leading hyphen. */
const UNIX_USER = /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/

/** Splits options, destination and command; options may stand behind the destination too. Never throws. */
export function parseSshArguments(
  args: readonly string[],
): Result<SshInvocation, SshArgumentError> {
  const before = takeOptions(args)
  if (!before.ok) return before
  const [destination, ...behind] = before.value.rest
  if (destination === undefined) return err({ reason: 'no_destination', got: '' })
  const after = takeOptions(behind)
  if (!after.ok) return after
  const options = [...before.value.options, ...after.value.options]
  const target = parseHop(destination, parseHost(afterUser(destination)))
  if (!target.ok) return target
  const jumps = parseJumps(valueOfOption(options, 'J'))
  if (!jumps.ok) return jumps
  const words = options.filter(({ letter }) => letter !== 'J').flatMap((option) => option.words)
  const port = Number(valueOfOption(options, 'p'))
  return ok({
    ...{ ...target.value, ...(port > 0 && { port }) },
    ...{ options: words, jumps: jumps.value, command: after.value.rest },
  })
}

/** An option as it was written; with the letter that takes a value, and that value. */
type Option = {
  readonly words: readonly string[]
  readonly letter?: string
  readonly value?: string
}
type Taken = { readonly options: readonly Option[]; readonly rest: readonly string[] }

/** Options up to the first word that is none, or to `--`, which is left out. */
function takeOptions(args: readonly string[]): Result<Taken, SshArgumentError> {
  const options: Option[] = []
  let rest = args
  for (;;) {
    const [arg = '', next] = rest
    if (!arg.startsWith('-') || arg === '-') return ok({ options, rest })
    if (arg === '--') return ok({ options, rest: rest.slice(1) })
    const option = readOption(arg, next)
    if (!option.ok) return option
    options.push(option.value)
    rest = rest.slice(option.value.words.length)
  }
}

/** In a bundle such as `-vp` the first letter that takes a value takes the rest, or the next word. */
function readOption(arg: string, next: string | undefined): Result<Option, SshArgumentError> {
  const at = arg.search(TAKES_VALUE)
  if (at < 0) return ok({ words: [arg] })
  const letter = arg.charAt(at)
  const inside = arg.slice(at + 1)
  const value = inside === '' ? next : inside
  if (value === undefined) return err({ reason: 'option_without_value', got: arg })
  const user = userOf(letter, value)
  if (user !== undefined && !UNIX_USER.test(user)) return err({ reason: 'bad_user', got: user })
  return ok({ words: inside === '' ? [arg, value] : [arg], letter, value })
}

/** User that an option names: `-l`, `-o User=`. */
function userOf(letter: string, value: string): string | undefined {
  if (letter === 'l') return value
  return letter === 'o' ? /^\s*user(?:\s*=\s*|\s+)(.*?)\s*$/i.exec(value)?.[1] : undefined
}

/** As in ssh, the first one counts. */
function valueOfOption(options: readonly Option[], letter: string): string | undefined {
  return options.find((option) => option.letter === letter)?.value
}

function parseJumps(text = 'none'): Result<readonly SshHop[], SshArgumentError> {
  const jumps: SshHop[] = []
  for (const one of text === 'none' ? [] : text.split(',')) {
    const host = parseHost(afterUser(one))
    const endpoint = host.ok ? ok({ host: host.value }) : parseEndpoint(afterUser(one))
    const hop = parseHop(one, endpoint.ok ? ok(endpoint.value.host) : endpoint)
    if (!hop.ok) return hop
    jumps.push({ ...hop.value, ...(endpoint.ok && endpoint.value) })
  }
  return ok(jumps)
}

const afterUser = (text: string): string => text.slice(text.lastIndexOf('@') + 1)

/** @param host what stands behind the `@` of `text`. */
function parseHop(text: string, host: Result<Host, unknown>): Result<SshHop, SshArgumentError> {
  if (!host.ok) return err({ reason: 'bad_host', got: text })
  const at = text.lastIndexOf('@')
  if (at < 0) return ok({ host: host.value })
  const user = text.slice(0, at)
  return UNIX_USER.test(user)
    ? ok({ user, host: host.value })
    : err({ reason: 'bad_user', got: user })
}
