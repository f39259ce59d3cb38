/**
 * The command line of `zt-daemon`: argv to what is wanted, or what is wrong with it. Pure.
 */
import { parseArgs } from 'node:util'
import { err, ok, type Result } from '#lib/result'
import { type ConfigMistake, decodeFlags, type WrittenSettings } from './config.ts'

/** What the command line asks for. */
export type Wanted =
  | { readonly command: 'help' }
  | { readonly command: 'version' }
  /** `keepLockdown`: what lockdown refuses stays refused. */
  | { readonly command: 'undo'; readonly keepLockdown: boolean }
  | {
      /** Runs a program in the namespaces that "zt run" made. */
      readonly command: 'inside'
      readonly controlPath: string
      readonly onlyPrivate: boolean
      readonly argv: readonly string[]
    }
  | {
      /** `doctor`: looks at this machine where no daemon answers, for `zt doctor`. */
      readonly command: 'run' | 'doctor'
      readonly configFile?: string
      readonly flags: WrittenSettings
      readonly bundle: boolean
    }

const TEXT = { type: 'string' } as const
const SWITCH = { type: 'boolean' } as const
const OPTIONS = {
  config: TEXT,
  state: TEXT,
  control: TEXT,
  proxy: TEXT,
  others: TEXT,
  'share-port': SWITCH,
  'owner-uid': TEXT,
  'upstream-proxy': TEXT,
  mode: TEXT,
  'tun-name': TEXT,
  'synthetic-v4': TEXT,
  'synthetic-v6': TEXT,
  'allow-users': TEXT,
  lockdown: SWITCH,
  dns: TEXT,
  'captive-portal': TEXT,
  bundle: SWITCH,
  'keep-lockdown': SWITCH,
  help: { ...SWITCH, short: 'h' },
  version: SWITCH,
} as const

/** Exit codes of `zt-daemon`. */
export const EXIT = {
  ok: 0,
  /** It cannot start: a port is taken, another daemon runs, the registration is damaged. */
  failed: 1,
  /** The command line or the configuration file is wrong. */
  usage: 2,
} as const

/** Parses argv without node and script. Never throws. */
export function parseCommandLine(
  argv: readonly string[],
): Result<Wanted, readonly ConfigMistake[]> {
  const inside = parseInside(argv)
  if (inside !== undefined) return ok(inside)
  try {
    const parsed = parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true })
    return wantedOf(parsed.values, parsed.positionals)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return err([{ place: 'zt-daemon', message }])
  }
}

/** `inside CONTROL [--only-private] -- PROGRAM…`: "zt run" alone writes it. */
function parseInside([command, controlPath, ...rest]: readonly string[]): Wanted | undefined {
  const end = rest.indexOf('--')
  if (command !== 'inside' || controlPath === undefined || end === -1) return undefined
  const onlyPrivate = rest.slice(0, end).includes('--only-private')
  return { command, controlPath, onlyPrivate, argv: rest.slice(end + 1) }
}

const EXPECTED =
  'expected the command "run" or "doctor", or "undo" with no option but --keep-lockdown; see --help'

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values']

function wantedOf(
  values: Values,
  positionals: readonly string[],
): Result<Wanted, readonly ConfigMistake[]> {
  if (values.version) return ok({ command: 'version' })
  if (values.help || positionals[0] === 'help') return ok({ command: 'help' })
  const command = positionals.join(' ')
  const { 'keep-lockdown': keepLockdown = false, ...others } = values
  if (command === 'undo' && Object.keys(others).length === 0) return ok({ command, keepLockdown })
  if (command !== 'run' && command !== 'doctor') {
    return err([{ place: 'zt-daemon', message: EXPECTED }])
  }
  const { config, help: _, version: __, bundle = false, ...rest } = values
  const flags = decodeFlags(asSettings(rest))
  if (!flags.ok) return flags
  return ok({
    command,
    bundle,
    flags: flags.value,
    ...(config === undefined ? {} : { configFile: config }),
  })
}

/** Flags under the names that the file uses. */
function asSettings(flags: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const pairs = Object.entries(flags).map(([name, value]) => {
    const key = name.replaceAll('-', '_')
    return [key, (READERS[key] ?? String)(value as string)]
  })
  return Object.fromEntries(pairs)
}

/** Values that the file writes as something else than text. */
const READERS: Readonly<Record<string, (text: string) => unknown>> = {
  owner_uid: numberOf,
  captive_portal: numberOf,
  allow_users: (text) => text.split(',').map(numberOf),
  share_port: (isSet) => isSet,
  lockdown: (isSet) => isSet,
}

/** An empty text is no number. */
function numberOf(text: string): number {
  return text === '' ? Number.NaN : Number(text)
}

/** Text of `--help`. */
export const HELP = `Usage: zt-daemon run [options]
       zt-daemon undo [--keep-lockdown]
       zt-daemon doctor [--bundle] [options]   what "zt doctor" runs where no daemon answers

Serves this device: a proxy on 127.0.0.1 for SOCKS5, SOCKS4a and HTTP, a tunnel to the gateway, and a control
socket for "zt". Enrol with "zt enroll URL" while it runs. "undo" takes away rules, routes and a resolv.conf that a
daemon which was killed left behind.

Options (each may stand in the file of --config, with "_" for "-"):
  --config FILE            YAML settings; flags win over it
  --state DIR              key, certificate, registration; mode 0700
  --control PATH           control socket of "zt"
  --proxy 127.0.0.1:PORT   proxy port, default 127.0.0.1:7080; port 0 lets the system choose
  --others direct|refuse   refuse: what is not behind the gateway is refused; default direct
  --share-port             let every user of this machine use the proxy port
  --owner-uid UID          who may enrol, where the daemon runs as another user
  --upstream-proxy URL     reach the gateway through socks5://, socks4a://, http:// or https://HOST:PORT;
                           a URL with a password belongs into the file, not onto the command line
  --mode proxy|transparent default proxy; transparent also takes programs without proxy settings, on
                           Linux only; the options below are for it
  --tun-name NAME          its network device, default zt0
  --synthetic-v4 PREFIX    addresses that stand for private names, default 100.80.0.0/16
  --synthetic-v6 PREFIX    the same for IPv6, default fdb4:5e1c:907a::/96
  --allow-users UID,UID    whose traffic is taken, besides that of the user who enrolled
  --lockdown               private destinations stay unreachable while zt-daemon is not running
  --dns HOW                how private names reach us: auto, resolved, port53, resolv_conf or off; default auto
  --captive-portal SECONDS how long the user may open a captive portal for that stands before the gateway; default 180,
                           0 forbids it
  -h, --help               this text
  --version                the version

Environment: HTTPS_PROXY, ALL_PROXY, NO_PROXY name the proxy in front of the gateway, where no setting does.
  XDG_STATE_HOME, XDG_RUNTIME_DIR place state and control socket; for root they are /var/lib/zt and /run/zt.

Exit codes: 0 stopped by SIGTERM or SIGINT, or undone; 1 cannot start or undo; 2 the command line or the file is wrong.

Examples:
  zt-daemon run
  zt-daemon run --proxy 127.0.0.1:1080 --others refuse
  curl --proxy http://127.0.0.1:7080 https://wiki.corp.internal/
  curl --socks5-hostname 127.0.0.1:7080 https://wiki.corp.internal/
  ssh -o ProxyCommand='nc -X 5 -x 127.0.0.1:7080 %h %p' db1.corp.internal
`
