/** SSH sessions of the demonstration, and what their recordings show. */
import { existsSync } from 'node:fs'
import { type Finished, run } from './child-process.ts'
import type { Organisation } from './organisation.ts'
import { hostOf, NAMES } from './policy-texts.ts'
import { expect } from './steps.ts'

/** Typed in the interactive session; must be found in the replay and nowhere else. */
const MARKER = 'zt-demo-marker-4711'

const sshHost = ({ lab }: Organisation): string => hostOf(lab, NAMES.database)

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

export async function sshCommand(organisation: Organisation): Promise<string> {
  const done = await ztSsh(organisation, [], ['uname', '-a'])
  expect(done.code === 0 && done.stdout.startsWith('Linux'), `exit ${done.code}: ${done.stderr}`)
  return done.stdout.trim()
}

export async function interactive(organisation: Organisation): Promise<string> {
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

export async function replay(organisation: Organisation): Promise<string> {
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

/** `zt recordings verify` with the key of the recipient. */
export function verifyOpened({ zt, recordings }: Organisation, id: string): Promise<Finished> {
  return run([...zt, 'recordings', 'verify', id, '--key', recordings.recipientKeyFile])
}

export async function verify(organisation: Organisation): Promise<string> {
  const { id } = await latestRecording(organisation)
  const done = await verifyOpened(organisation, id)
  expect(
    done.code === 0 && done.stdout.includes('complete'),
    `exit ${done.code}: ${done.stdout}${done.stderr}`,
  )
  return done.stdout.trim()
}

export async function sealed(organisation: Organisation): Promise<string> {
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
