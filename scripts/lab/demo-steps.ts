/**
 * The main job, step by step, as a user and an administrator do it: each step runs real commands and checks what they print.
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Browser } from '../../test/support/browser.ts'
import { answerPrompt, completeLogin } from '../../test/support/idp.ts'
import { must, run, startProcess } from './child-process.ts'
import type { Person } from './identity-provider.ts'
import type { Organisation } from './organisation.ts'
import { demoPolicy, hostOf, NAMES, PORTS } from './policy-texts.ts'
import { expect, type Step } from './steps.ts'

/** curl's exit code for a refusal in the SOCKS handshake (CURLE_PROXY, since 7.73). */
const CURL_PROXY_REFUSED = 97

/** Enrols this device as `person`, logging in as a person would. */
export function enrol(organisation: Organisation, person: Person): Promise<string> {
  const { urls, caSha256 } = organisation
  return logIn(organisation, person, ['enroll', urls.login, '--ca-sha256', caSha256])
}

/** A fresh login on the enrolled device. */
export function logInAgain(organisation: Organisation, person: Person): Promise<string> {
  return logIn(organisation, person, ['login'])
}

async function logIn(
  { zt, caFiles }: Organisation,
  person: Person,
  command: readonly string[],
): Promise<string> {
  const [program = '', ...args] = [...zt, ...command, '--json']
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve))
  let last = ''
  for await (const line of createInterface({ input: child.stdout })) {
    last = line
    const prompt = promptIn(line)
    if (prompt === undefined) continue
    await completeLogin({
      verificationUrl: prompt.verificationUrl,
      userCode: prompt.userCode,
      email: person.email,
      password: person.password,
      ca: caFiles.map((file) => readFileSync(file, 'utf8')),
    })
  }
  const code = await exited
  expect(code === 0, `zt ${command[0]} ended with ${code}: ${last}`)
  return `logged in as ${person.email}`
}

function promptIn(line: string): { verificationUrl: string; userCode: string } | undefined {
  const { prompt } = JSON.parse(line) as { prompt?: { verificationUrl: string; userCode: string } }
  return prompt
}

/** All steps of the demonstration, in order. */
export function demoSteps(organisation: Organisation): readonly Step[] {
  const person = organisation.people[0]
  if (person === undefined) throw new Error('the demo has nobody to enrol')
  return [
    { title: `enrol this device as ${person.email}`, show: () => enrol(organisation, person) },
    { title: 'denied before any policy: the wiki', show: () => deniedBefore(organisation) },
    { title: 'the administrator allows two applications', show: () => allow(organisation) },
    {
      title: 'allowed after: curl through SOCKS5',
      show: () => curl(organisation, '--socks5-hostname', ''),
    },
    {
      title: 'allowed after: curl through HTTP',
      show: () => curl(organisation, '--proxy', 'http://'),
    },
    { title: `zt ssh ${NAMES.database} uname -a`, show: () => sshCommand(organisation) },
    { title: 'an interactive session', show: () => interactive(organisation) },
    {
      title: 'the recording is listed',
      show: async () => (await latestRecording(organisation)).id,
    },
    {
      title: 'decrypted and played with the key of the administrator',
      show: () => replay(organisation),
    },
    { title: 'verify says complete', show: () => verify(organisation) },
    {
      title: 'the marker stands nowhere in clear on the gateway',
      show: () => sealed(organisation),
    },
    {
      title: 'all sessions are ended: the next connection waits for a login, then goes on',
      show: () => waitForLogin(organisation, person),
    },
    {
      title: 'explain: allowed',
      show: () => explain(organisation, NAMES.wiki, PORTS.web, 'permit'),
    },
    {
      title: 'explain: denied',
      show: () => explain(organisation, NAMES.denied, PORTS.denied, 'denial'),
    },
  ]
}

/** Typed in the interactive session; must be found in the replay and nowhere else. */
export const MARKER = 'zt-demo-marker-4711'

const wikiUrl = ({ lab }: Organisation): string => `http://${hostOf(lab, NAMES.wiki)}:${PORTS.web}/`
const sshHost = ({ lab }: Organisation): string => hostOf(lab, NAMES.database)

function curlVia(
  organisation: Organisation,
  option: string,
  scheme: string,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { host, port } = organisation.proxy
  return run([
    'curl',
    '-sS',
    '--max-time',
    '15',
    option,
    `${scheme}${host}:${port}`,
    wikiUrl(organisation),
  ])
}

/** Nobody sees a failure: curl waits while its user logs in, and then has its page. */
async function waitForLogin(organisation: Organisation, person: Person): Promise<string> {
  const { zt, folder, caFiles } = organisation
  await must([...zt, 'admin', 'sessions', 'revoke', '--user', person.email])
  const page = curlVia(organisation, '--socks5-hostname', '')
  const watch = await startProcess({
    argv: [...zt, 'prompts', '--watch', '--json', '--no-notify'],
    logFile: join(folder, 'prompts.log'),
    readyWhen: /"kind":"prompt"/,
  })
  const { prompt } = JSON.parse(watch.readyLine) as { prompt: { url: string } }
  const browser = new Browser({ ca: caFiles.map((file) => readFileSync(file, 'utf8')) })
  const { email, password } = person
  await answerPrompt(browser, { url: prompt.url, email, password })
  const done = await page
  await watch.stop()
  expect(done.stdout.includes('Private wiki'), `curl ended with ${done.code}: ${done.stderr}`)
  return `curl waited for the login at ${prompt.url}`
}

async function deniedBefore(organisation: Organisation): Promise<string> {
  const done = await curlVia(organisation, '--socks5-hostname', '')
  expect(
    done.code === CURL_PROXY_REFUSED && done.stderr.includes('(2)'),
    `curl ended with ${done.code}: ${done.stderr}`,
  )
  const log = readFileSync(organisation.files.webLog, 'utf8')
  expect(!log.includes('connection from'), 'the target saw a connection before any policy')
  return `refused (${done.stderr.trim()}); the target saw no connection`
}

async function allow(organisation: Organisation): Promise<string> {
  await organisation.applyPolicy(demoPolicy(organisation.policyInput))
  return 'zt.yaml changed, SIGHUP, next policy revision in force'
}

async function curl(organisation: Organisation, option: string, scheme: string): Promise<string> {
  const done = await curlVia(organisation, option, scheme)
  expect(done.stdout.includes('Private wiki'), `curl ended with ${done.code}: ${done.stderr}`)
  return `curl ${option} … ${wikiUrl(organisation)}: the page`
}

function ztSsh(
  organisation: Organisation,
  options: readonly string[],
  command: readonly string[],
  stdin = '',
) {
  const { zt, policyInput } = organisation
  const destination = `${policyInput.unixUser}@${sshHost(organisation)}`
  const port = ['-p', String(policyInput.sshPort)]
  return run([...zt, 'ssh', ...options, ...port, destination, ...command], { stdin })
}

async function sshCommand(organisation: Organisation): Promise<string> {
  const done = await ztSsh(organisation, [], ['uname', '-a'])
  expect(done.code === 0 && done.stdout.startsWith('Linux'), `exit ${done.code}: ${done.stderr}`)
  return done.stdout.trim()
}

async function interactive(organisation: Organisation): Promise<string> {
  const done = await ztSsh(organisation, ['-tt'], [], `echo ${MARKER}\nexit 7\n`)
  expect(done.code === 7, `exit ${done.code}, wanted the shell's own 7: ${done.stderr}`)
  expect(done.stdout.includes(MARKER), 'the terminal did not show what was typed')
  return 'typed a marker, left with exit code 7, got exit code 7'
}

/** Newest recording first. */
export async function latestRecording(organisation: Organisation): Promise<{ id: string }> {
  const done = await run([...organisation.zt, 'recordings', 'list', '--json'])
  expect(done.code === 0, `zt recordings list: ${done.stderr}`)
  const [latest] = JSON.parse(done.stdout) as { id: string }[]
  if (latest === undefined) throw new Error('no recording is listed')
  return latest
}

async function replay(organisation: Organisation): Promise<string> {
  const { id } = await latestRecording(organisation)
  const key = ['--key', organisation.recordings.recipientKeyFile]
  const text = await run([
    ...organisation.zt,
    'recordings',
    'decrypt',
    id,
    ...key,
    '--format',
    'text',
  ])
  expect(text.stdout.includes(MARKER), `zt recordings decrypt: exit ${text.code} ${text.stderr}`)
  const played = await run([
    ...organisation.zt,
    'recordings',
    'play',
    id,
    ...key,
    '--speed',
    '100',
    '--idle-limit',
    '0.1',
  ])
  expect(played.stdout.includes(MARKER), `zt recordings play: exit ${played.code} ${played.stderr}`)
  return `recording ${id}: the marker is in the text and in the replay`
}

async function verify(organisation: Organisation): Promise<string> {
  const { id } = await latestRecording(organisation)
  const done = await run([
    ...organisation.zt,
    'recordings',
    'verify',
    id,
    '--key',
    organisation.recordings.recipientKeyFile,
  ])
  expect(
    done.code === 0 && done.stdout.includes('complete'),
    `exit ${done.code}: ${done.stdout}${done.stderr}`,
  )
  return done.stdout.trim()
}

async function sealed(organisation: Organisation): Promise<string> {
  const { data, gatewayLog } = organisation.files
  const found = await run([
    'grep',
    '-rl',
    MARKER,
    data,
    ...(existsSync(gatewayLog) ? [gatewayLog] : []),
  ])
  expect(found.code === 1, `found in ${found.stdout}`)
  return 'grep finds nothing in the data directory and the log'
}

async function explain(
  organisation: Organisation,
  name: string,
  port: number,
  verdict: string,
): Promise<string> {
  const host = hostOf(organisation.lab, name)
  const done = await run([...organisation.zt, 'explain', host, String(port), '--json'])
  const explanation = JSON.parse(done.stdout) as {
    verdict: string
    reason: string
    sentence: string
  }
  expect(explanation.verdict === verdict, `explain says ${done.stdout}`)
  return `${host}:${port}: ${explanation.verdict}, ${explanation.reason}. ${explanation.sentence}`
}
