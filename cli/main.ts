#!/usr/bin/env node
/**
 * `zt`: reads argv and environment, hands the commands their shells.
 */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CommanderError } from 'commander'
import { defaultPaths } from '#lib/api/default-paths'
import { productVersion } from '#lib/api/product-version-os'
import { homeFolder } from '#lib/home-os'
import { addToAgent } from '#lib/ssh/agent-client'
import { BROKEN_OFF, BrokenOffError } from './admin-answer.ts'
import { adminAt } from './admin-client.ts'
import { EXIT, report } from './cli-io.ts'
import { connectStdio } from './connect-client.ts'
import { daemonAt, watchDaemonAt } from './daemon-client.ts'
import { doctorOf, writeArchive } from './doctor-os.ts'
import { notifyDesktop } from './notify-os.ts'
import { buildProgram, type GlobalOptions } from './program.ts'
import { recordingIo } from './recordings/terminal-os.ts'
import { runnerOf } from './run-os.ts'
import { secretFiles } from './secret-file-os.ts'
import { askSecretLine } from './secret-line-os.ts'
import { hasSocksNetcat, keepKnownHosts, runSsh } from './ssh-os.ts'
import { linesTo } from './terminal-text-os.ts'
import { readText, writeFile } from './text-file-os.ts'

const env = process.env
/** The daemon's program lies beside ours. */
const DAEMON = fileURLToPath(new URL(`../daemon/main${import.meta.url.slice(-3)}`, import.meta.url))

/** Where the daemon of this user puts its socket. */
function defaultControl(): string {
  const { controlPath } = defaultPaths({
    uid: process.getuid?.() ?? 0,
    home: homeFolder(),
    runtimeDir: env['XDG_RUNTIME_DIR'],
    stateHome: env['XDG_STATE_HOME'],
  })
  return controlPath
}

function optional<K extends string>(key: K, value: string | undefined): { [key in K]?: string } {
  return (value === undefined ? {} : { [key]: value }) as { [key in K]?: string }
}

const program = buildProgram(
  (options: GlobalOptions) => {
    const control = options.control ?? env['ZT_CONTROL'] ?? defaultControl()
    const configFolder = join(env['XDG_CONFIG_HOME'] ?? join(homeFolder(), '.config'), 'zt')
    return {
      print: linesTo(process.stdout, env['NO_COLOR']),
      warn: linesTo(process.stderr, env['NO_COLOR']),
      askDaemon: daemonAt(control),
      watchDaemon: watchDaemonAt(control),
      notifyDesktop,
      admin: adminAt({
        ...optional('url', options.adminUrl ?? env['ZT_ADMIN_URL']),
        ...optional('caFile', options.adminCa ?? env['ZT_ADMIN_CA']),
        ...optional('token', env['ZT_ADMIN_TOKEN']),
        ...optional('tokenFile', options.adminTokenFile),
      }),
      secrets: secretFiles,
      askSecretLine,
      serviceTokenFile: env['ZT_SERVICE_TOKEN_FILE'],
      agentSocket: env['SSH_AUTH_SOCK'],
      addToAgent,
      now: Date.now,
      readText,
      doctorAlone: doctorOf([process.execPath, DAEMON]),
      writeArchive,
      runInside: runnerOf([process.execPath, DAEMON]),
      controlPath: control,
      writeFile,
      selfArgv: [process.execPath, process.argv[1] ?? 'zt', '--control', control],
      hasSocksNetcat,
      runSsh,
      keepKnownHosts: (text) => keepKnownHosts(configFolder, text),
      connect: connectStdio,
      ...recordingIo,
    }
  },
  (code) => {
    process.exitCode = code
  },
)

// A reader such as `head` that has seen enough ends us quietly.
process.stdout.on('error', (failure: NodeJS.ErrnoException) => {
  if (failure.code !== 'EPIPE') throw failure
  process.exit(EXIT.ok)
})

/** @throws what is a bug. */
function exitCodeOf(failure: unknown): number {
  if (failure instanceof BrokenOffError) {
    return report({ warn: linesTo(process.stderr, env['NO_COLOR']) }, BROKEN_OFF)
  }
  if (!(failure instanceof CommanderError)) throw failure
  return failure.exitCode === 0 ? EXIT.ok : EXIT.usage
}

program.version(productVersion(), '-V, --version', 'print the version')
try {
  await program.parseAsync(process.argv)
} catch (failure) {
  process.exitCode = exitCodeOf(failure)
}
