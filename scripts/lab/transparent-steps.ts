/** What programs that know of no proxy do on a laptop in transparent mode, step by step. */
import { accessSync } from 'node:fs'
import { latestRecording } from './demo-ssh-steps.ts'
import { NAMES, PORTS } from './policy-texts.ts'
import { expect, type Step } from './steps.ts'
import type { TransparentLab } from './transparent-lab.ts'

/** What it stands on, beside the demo's own: the file, and what to do without it. */
const NEEDED: readonly (readonly [path: string, remedy: string])[] = [
  ['/dev/net/tun', 'modprobe tun'],
  ['/usr/sbin/nft', 'install nftables'],
  ['/usr/bin/psql', 'install postgresql and postgresql-client'],
  ['/usr/bin/dig', 'install bind9-dnsutils'],
  ['/usr/bin/ping', 'install iputils-ping'],
]

/** What is missing on this machine, with the remedy. */
export function missingForTransparent(): readonly string[] {
  const isRoot = process.platform === 'linux' && process.getuid?.() === 0
  const files = NEEDED.filter(([path]) => !isThere(path))
  return [
    ...(isRoot ? [] : ['root on Linux: namespaces and a TUN device are made']),
    ...files.map(([path, remedy]) => `${path}: ${remedy}`),
  ]
}

function isThere(path: string): boolean {
  try {
    accessSync(path)
    return true
  } catch {
    return false
  }
}

const SSH = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null']

/** All steps, in order. */
export function transparentSteps(lab: TransparentLab): readonly Step[] {
  const { organisation, databaseUser } = lab
  const { unixUser } = organisation.policyInput
  const sql = ['-h', NAMES.database, '-U', databaseUser, 'postgres', '-Atc', 'SELECT version()']
  return [
    { title: 'traffic of the laptop is taken', show: () => taken(lab) },
    program(lab, ['dig', '+short', NAMES.wiki], /^100\.80\./),
    program(lab, ['curl', '-sS', `http://${NAMES.wiki}:${PORTS.web}/`], /Private wiki/),
    program(lab, ['ssh', ...SSH, `${unixUser}@${NAMES.database}`, 'uname', '-a'], /^Linux/),
    program(lab, ['psql', ...sql], /^PostgreSQL/),
    program(lab, ['ping', '-n', '-c', '2', '-i', '0.2', NAMES.wiki], /2 received/),
    { title: 'a name that policy hides is not there', show: () => hidden(lab) },
    {
      title: 'the SSH session was recorded all the same',
      show: async () => (await latestRecording(organisation)).id,
    },
  ]
}

async function taken({ status }: TransparentLab): Promise<string> {
  const { transparent } = await status()
  expect(transparent?.state === 'on', JSON.stringify(transparent))
  return `TCP: ${transparent.mode}; names: ${transparent.resolver?.mode}; no program has proxy settings`
}

/** A program as it comes; what it says first is the evidence. */
function program({ onLaptop }: TransparentLab, argv: readonly string[], wanted: RegExp): Step {
  const words = argv.filter((word) => !SSH.includes(word))
  return {
    title: words.join(' '),
    show: async () => {
      const { code, stdout, stderr } = await onLaptop(argv)
      expect(code === 0 && wanted.test(stdout), `exit ${code}: ${stdout}${stderr}`)
      return stdout.split('\n').find((line) => wanted.test(line)) ?? stdout
    },
  }
}

async function hidden({ onLaptop }: TransparentLab): Promise<string> {
  const { code, stderr } = await onLaptop(['curl', '-sS', `http://${NAMES.denied}/`])
  expect(code === NAME_NOT_FOUND, `exit ${code}: ${stderr}`)
  return stderr.trim()
}

/** curl's exit code for a name without addresses (CURLE_COULDNT_RESOLVE_HOST). */
const NAME_NOT_FOUND = 6
