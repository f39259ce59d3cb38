/**
 * The demo: starts an organisation, does the main job once visibly, and stays up.
 *
 *   demo            shows the steps, then stays up and says what to try next
 *   demo --check    the same steps, a table, exit 0 or 1
 *   demo --json     enrols and allows, prints one line of JSON when ready, stays up
 *   demo --transparent [--check | --json]   the laptop is a namespace, and its programs know of no proxy
 *
 * Ctrl-C or SIGTERM ends everything and removes what was made.
 */
import { demoSteps } from './demo-steps.ts'
import { type Organisation, startOrganisation } from './organisation.ts'
import { hostOf, NAMES, PORTS } from './policy-texts.ts'
import { runSteps, type Step, stepLine } from './steps.ts'
import { startTransparentLab, type TransparentLab } from './transparent-lab.ts'
import { missingForTransparent, transparentSteps } from './transparent-steps.ts'

const HELP = `Usage: scripts/demo [--check | --json] [--loopback]
       scripts/demo --transparent [--check | --json]

  --check     do the main job once, print a table of steps and times, exit 0 or 1
  --json      print one line of JSON when ready, and stay up (docs/reference/demo.md)
  --loopback  use loopback addresses instead of network namespaces (also without root)
  --transparent  the laptop is a network namespace whose programs know of no proxy; needs root
  --help      this text
`

function wait(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
    // Keeps the event loop alive: nothing else may be pending.
    setInterval(() => {}, 60_000)
  })
}

/**
 * The line that external programs drive the product by; its shape is documented and stable.
 * @param laptop argv prefix of programs there.
 */
function readyLine(organisation: Organisation, laptop: readonly string[] = []): string {
  const { lab, urls, proxy, control, people, adminToken, recordings, policyInput, zt } =
    organisation
  return JSON.stringify({
    ready: true,
    gateway: { url: urls.admin, tunnel: urls.tunnel, login: urls.login },
    proxy,
    control,
    targets: [
      {
        name: 'wiki',
        host: hostOf(lab, NAMES.wiki),
        port: PORTS.web,
        protocol: 'http',
        user: null,
      },
      {
        name: 'database',
        host: hostOf(lab, NAMES.database),
        port: policyInput.sshPort,
        protocol: 'ssh',
        user: policyInput.unixUser,
      },
    ],
    denied: [{ host: hostOf(lab, NAMES.denied), port: PORTS.denied }],
    users: people.map(({ email, password }) => ({ email, password })),
    admin: { token: adminToken, caFile: organisation.caFiles[0] },
    recordings,
    zt,
    laptop,
  })
}

function whatNext(organisation: Organisation): string {
  const { lab, proxy, policyInput, zt, urls, people, folder } = organisation
  const ssh = `ssh -p ${policyInput.sshPort} ${policyInput.unixUser}@${hostOf(lab, NAMES.database)}`
  return `
The organisation is up; everything of it is in ${folder}. Try:

  alias zt='${zt.join(' ')}'
  zt status
  zt ${ssh}
  curl --socks5-hostname ${proxy.host}:${proxy.port} http://${hostOf(lab, NAMES.wiki)}:${PORTS.web}/
  zt explain ${hostOf(lab, NAMES.denied)} ${PORTS.denied}
  zt recordings list
  zt recordings play ID --key ${organisation.recordings.recipientKeyFile}

Login page: ${urls.login}/device    People: ${people.map(({ email, password }) => `${email} / ${password}`).join(', ')}
Ctrl-C ends and removes everything.`
}

function whatNextOnLaptop({ asUser, organisation: { zt } }: TransparentLab): string {
  return `
The laptop is up. Try:

  alias on-laptop='${asUser.join(' ')}'
  alias zt='${zt.join(' ')}'
  on-laptop curl http://${NAMES.wiki}:${PORTS.web}/
  zt status
  zt doctor

Ctrl-C ends and removes everything.`
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    console.log(HELP)
    return 0
  }
  const isTransparent = args.includes('--transparent')
  const known = ['--check', '--json', isTransparent ? '--transparent' : '--loopback']
  const unknown = args.find((arg) => !known.includes(arg))
  if (unknown !== undefined) {
    console.error(`demo: unknown option ${unknown}\n${HELP}`)
    return 2
  }
  return isTransparent ? transparent(args) : withProxy(args)
}

/** @returns 2 where this machine cannot. */
async function transparent(args: readonly string[]): Promise<number> {
  const missing = missingForTransparent()
  for (const one of missing) console.error(`demo: --transparent needs ${one}`)
  if (missing.length > 0) return 2
  const ended = wait()
  const lab = await startTransparentLab()
  const json = args.includes('--json')
  const steps = transparentSteps(lab).slice(0, json ? 1 : undefined)
  const next = json ? readyLine(lab.organisation, lab.asUser) : whatNextOnLaptop(lab)
  try {
    return await Promise.race([show(steps, args, next, ended), ended.then(() => 0)])
  } finally {
    await lab.close()
  }
}

async function withProxy(args: readonly string[]): Promise<number> {
  const asRoot = process.platform === 'linux' && process.getuid?.() === 0
  const kind = asRoot && !args.includes('--loopback') ? 'namespaces' : 'loopback'
  const ended = wait()
  const organisation = await startOrganisation(kind)
  try {
    return await Promise.race([showMainJob(organisation, args, ended), ended.then(() => 0)])
  } finally {
    await organisation.close()
  }
}

function showMainJob(
  organisation: Organisation,
  args: readonly string[],
  ended: Promise<void>,
): Promise<number> {
  const json = args.includes('--json')
  // In JSON mode only what the ready line promises: an enrolled device and the two applications.
  const steps = demoSteps(organisation).slice(0, json ? 3 : undefined)
  return show(steps, args, json ? readyLine(organisation) : whatNext(organisation), ended)
}

/** @param next what is said when all steps have passed and it stays up. */
async function show(
  steps: readonly Step[],
  args: readonly string[],
  next: string,
  ended: Promise<void>,
): Promise<number> {
  const json = args.includes('--json')
  const results = await runSteps(steps, (result) => {
    if (!json) console.log(stepLine(result))
    else if (!result.passed) console.error(stepLine(result))
  })
  if (results.some((result) => !result.passed)) return 1
  if (args.includes('--check')) return 0
  console.log(next)
  await ended
  return 0
}

process.exit(await main(process.argv.slice(2)))
