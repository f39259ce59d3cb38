/**
 * A PostgreSQL server of its own: a fresh cluster in a folder, as a user without privileges (it refuses root).
 */
import { chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type LabProcess, run, startProcess } from './child-process.ts'

export type PostgresOptions = {
  readonly address: string
  readonly port: number
  /** argv prefix of the place where it runs. */
  readonly inside: readonly string[]
  readonly logFile: string
}

export type Postgres = {
  /** Whom to log in as; no password is asked. */
  readonly user: string
  stop(): Promise<void>
}

const NOBODY = { name: 'nobody', uid: 65534, gid: 65534 }
const AS_NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
/** Where Debian puts the programs of each version. */
const VERSIONS = '/usr/lib/postgresql'

/** @throws {Error} when PostgreSQL is not installed, or does not start. */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const folder = mkdtempSync(join(tmpdir(), 'zt-postgres-'))
  chownSync(folder, NOBODY.uid, NOBODY.gid)
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  try {
    const server = await start(folder, options)
    return {
      user: NOBODY.name,
      async stop() {
        // Not SIGTERM, which waits for the clients.
        server.signal('SIGINT')
        await server.exited
        remove()
      },
    }
  } catch (failure) {
    remove()
    throw failure
  }
}

async function start(folder: string, options: PostgresOptions): Promise<LabProcess> {
  const programs = join(VERSIONS, readdirSync(VERSIONS).sort().at(-1) ?? '', 'bin')
  const data = join(folder, 'data')
  const wanted = ['-D', data, '-U', NOBODY.name, '-A', 'trust', '--no-sync', '--locale=C']
  const made = await run([...AS_NOBODY, join(programs, 'initdb'), ...wanted])
  if (made.code !== 0) throw new Error(`initdb: ${made.stderr}`)
  const { address, port, inside, logFile } = options
  // Trusts the lab's own network: who may come here is for zt to say.
  const trust = join(data, 'pg_hba.conf')
  await run(['sh', '-c', `echo 'host all all 10.18.0.0/16 trust' >> ${trust}`])
  const places = ['-D', data, '-h', address, '-p', String(port), '-k', folder, '-c', 'fsync=off']
  return startProcess({
    argv: [...inside, ...AS_NOBODY, join(programs, 'postgres'), ...places],
    logFile,
    readyWhen: /ready to accept connections/,
  })
}
