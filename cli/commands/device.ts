/**
 * Commands about this device: enroll, logout, status, settings, up, down, override, portal, apps.
 */
import type { Command } from 'commander'
import type { ControlRequest, ControlResult } from '#lib/api/control-api'
import { decodeServiceCredentials, type ServiceCredentials } from '#lib/enrol/service-credentials'
import { err, type Result } from '#lib/result'
import { type CliFailure, type CliIo, EXIT, report } from '../cli-io.ts'
import { applicationsText, promptText, settingsText, statusText } from '../render.ts'
import { explanationExitCode, explanationText } from '../render-explanation.ts'

type JsonOption = { readonly json?: boolean }

/** Runs an action and leaves its exit code; commander passes options last but one. */
export type Run = (action: () => Promise<number>) => Promise<void>

/** Adds the device commands to `program`. */
export function addDeviceCommands(program: Command, io: CliIo, run: Run): void {
  addEnrol(program, io, run)
  addOverride(program, io, run)
  addPortal(program, io, run)
  for (const [method, summary] of Object.entries(SIMPLE)) {
    program
      .command(method)
      .description(summary)
      .option('--json', 'print JSON')
      .action((options: JsonOption) => run(() => ask(io, { method: method as 'status' }, options)))
  }
}

function addOverride(program: Command, io: CliIo, run: Run): void {
  program
    .command('override')
    .description('lift the lock of this device for a while, with a code of an administrator')
    .option('--json', 'print JSON')
    .addHelpText('after', OVERRIDE_HELP)
    .action((options: JsonOption) => run(() => override(io, options)))
}

async function override(io: CliIo, options: JsonOption): Promise<number> {
  const code = await io.askSecretLine('Code, with or without hyphens: ')
  return code ? ask(io, { method: 'override', code }, options) : report(io, NO_CODE)
}

const OVERRIDE_HELP = `
Asks for the code, or reads it from standard input where that is no terminal: arguments are there for everybody to see.

Example:
  $ zt override`

const NO_CODE: CliFailure = {
  code: 'no_code',
  message: 'No code was given.',
  exitCode: EXIT.usage,
}

const PORTAL_HELP = `
A hotel's or a train's network wants its page filled in before it lets anything through, "zt status" says so, and zt
tunnels where that page is, or refuses it. "open" lets programs reach the page's own addresses, by DNS, HTTP and HTTPS
alone, for some minutes (setting captive_portal), or until the gateway answers.

Example:
  $ zt portal open && firefox http://neverssl.com/`

function addPortal(program: Command, io: CliIo, run: Run): void {
  const portal = program
    .command('portal')
    .description('open the captive portal that keeps you from the gateway, for some minutes')
    .addHelpText('after', PORTAL_HELP)
  const verbs = { open: 'let programs reach the portal', close: 'refuse it again' }
  for (const [verb, summary] of Object.entries(verbs)) {
    portal
      .command(verb)
      .description(summary)
      .option('--json', 'print JSON')
      .action((options: JsonOption) =>
        run(() => ask(io, { method: 'portal', open: verb === 'open' }, options)),
      )
  }
}

const SIMPLE: Readonly<Record<string, string>> = {
  status: 'say whether the tunnel carries data, who you are, and what is tunnelled',
  settings: 'list every setting of the daemon, and where its value came from',
  logout: 'forget this registration: key and certificate are removed, the gateway is told',
  up: 'connect to the gateway',
  down: 'disconnect; what is ours is refused until "zt up"',
  apps: 'list the applications that admit you',
}

function addEnrol(program: Command, io: CliIo, run: Run): void {
  program
    .command('enroll')
    .description('bind this device to you: a key is made here, you log in with a browser')
    .argument('<url>', 'login origin of the gateway, for example https://login.example.com')
    .option(
      '--ca-sha256 <fingerprint>',
      'SHA-256 of the gateway CA, where no public CA vouches for it',
    )
    .option('--device-name <name>', 'name that the login page and the administrator see')
    .option(
      '--service-token-file <file>',
      'enrol for a service, without a person: a file with its token, mode 0600; - is standard input',
    )
    .option('--json', 'print JSON lines')
    .addHelpText('after', '\nExample:\n  $ zt enroll https://login.example.com --ca-sha256 3f5a…')
    .action((url: string, options: EnrolOptions) => run(() => enrol(io, url, options)))
}

type EnrolOptions = JsonOption & {
  readonly caSha256?: string
  readonly deviceName?: string
  readonly serviceTokenFile?: string
}

async function enrol(io: CliIo, url: string, options: EnrolOptions): Promise<number> {
  const { json: _, serviceTokenFile = io.serviceTokenFile, ...named } = options
  const wish = { method: 'enroll', url, ...named } as const
  if (serviceTokenFile === undefined) return ask(io, wish, options)
  const serviceToken = await readToken(io, serviceTokenFile)
  if (!serviceToken.ok) return report(io, serviceToken.error)
  return ask(io, { ...wish, serviceToken: serviceToken.value }, options)
}

async function readToken(
  { secrets }: CliIo,
  path: string,
): Promise<Result<ServiceCredentials, CliFailure>> {
  const text = await secrets.read(path)
  if (!text.ok) return text
  const decoded = decodeServiceCredentials(text.value)
  if (decoded.ok) return decoded
  const message = `${path} does not hold {"id": …, "secret": …} of a service token, or lost a part of it.`
  return err({ code: decoded.error.reason, message, exitCode: EXIT.usage })
}

/** Asks the daemon and prints the answer. @returns the exit code. */
export async function ask(
  io: CliIo,
  request: ControlRequest,
  { json }: JsonOption,
): Promise<number> {
  const answer = await io.askDaemon(request, (prompt) =>
    io.print(json ? JSON.stringify({ prompt }) : promptText(prompt)),
  )
  if (!answer.ok) {
    if (json) io.print(JSON.stringify({ error: answer.error }))
    return report(io, answer.error)
  }
  io.print(json ? JSON.stringify(jsonOf(answer.value)) : textOf(answer.value))
  if (answer.value.method === 'logout' && !answer.value.gatewayTold) report(io, NOT_TOLD)
  return exitCodeOf(answer.value)
}

/** No failure: this device has forgotten its registration all the same. */
const NOT_TOLD: CliFailure = {
  code: 'gateway_not_told',
  message:
    'The gateway could not be told: this device stays registered there until an administrator revokes it.',
  exitCode: EXIT.ok,
}

function jsonOf(result: ControlResult): unknown {
  if (result.method === 'logout') return { ...result.status, gatewayTold: result.gatewayTold }
  if (result.method === 'apps') return result.applications
  if (result.method === 'settings') return result.settings
  if (result.method === 'explain') return result.explanation
  return 'status' in result ? result.status : result
}

function textOf(result: ControlResult): string {
  if (result.method === 'apps') return applicationsText(result.applications)
  if (result.method === 'settings') return settingsText(result.settings)
  if (result.method === 'explain') return explanationText(result.explanation)
  return 'status' in result ? statusText(result.status) : ''
}

/** `status` tells scripts the truth: 0 only when data passes; `explain` tells the verdict. */
function exitCodeOf(result: ControlResult): number {
  if (result.method === 'explain') return explanationExitCode(result.explanation)
  if (result.method !== 'status') return EXIT.ok
  const { state } = result.status
  if (state === 'connected') return EXIT.ok
  return state === 'not_enrolled' ? EXIT.notEnrolled : EXIT.notReachable
}
