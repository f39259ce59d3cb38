/** Logs people in at `zt` as a browser would. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { completeLogin } from '../../test/support/idp.ts'
import type { Person } from './identity-provider.ts'
import type { Organisation } from './organisation.ts'
import { expect } from './steps.ts'

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
