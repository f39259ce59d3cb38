/**
 * The organisation's people, and the OpenID provider that they log in at, a process of its own on the laptop.
 */
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type LabProcess, startProcess } from './child-process.ts'
import type { Lab } from './namespace-lab.ts'
import { program } from './programs.ts'

const IDP_PORT = 7080

/** Someone who can log in at the identity provider. */
export type Person = {
  readonly email: string
  readonly password: string
  readonly name: string
  readonly groups: readonly string[]
}

/** A provider that runs; its CA and the client's secret stand in files of `folder`. */
export type IdentityProvider = {
  readonly process: LabProcess
  readonly issuer: string
  readonly people: readonly Person[]
  /** Moves somebody into other groups; the next login says so. */
  setGroups(email: string, groups: readonly string[]): Promise<void>
}

/** Starts the provider. */
export async function startIdentityProvider(
  lab: Lab,
  folder: string,
  redirectUri: string,
): Promise<IdentityProvider> {
  const people = makePeople()
  const configFile = join(folder, 'idp.json')
  const write = (accounts: readonly Person[]): void => {
    const settings = { host: lab.laptop, port: IDP_PORT, accounts, redirectUri }
    writeFileSync(configFile, JSON.stringify(settings), { mode: 0o600 })
  }
  write(people)
  const process = await startProcess({
    argv: [...program('test/support/idp-process.js'), configFile],
    logFile: join(folder, 'idp.log'),
    readyWhen: /"ready":true/,
  })
  const ready = JSON.parse(process.readyLine) as Record<'issuer' | 'clientSecret' | 'caPem', string>
  writeFileSync(join(folder, 'idp-ca.pem'), ready.caPem)
  writeFileSync(join(folder, 'idp.secret'), ready.clientSecret, { mode: 0o600 })
  return {
    process,
    issuer: ready.issuer,
    people,
    async setGroups(email, groups) {
      write(people.map((person) => (person.email === email ? { ...person, groups } : person)))
      const reloaded = process.nextLine(/^reloaded/)
      process.signal('SIGHUP')
      await reloaded
    },
  }
}

function makePeople(): readonly Person[] {
  const person = (name: string, groups: readonly string[]): Person => ({
    email: `${name.toLowerCase()}@corp.example`,
    password: randomBytes(9).toString('base64url'),
    name,
    groups,
  })
  return [person('Alice', ['engineers']), person('Bob', ['sales'])]
}
