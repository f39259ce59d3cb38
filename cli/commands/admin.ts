/**
 * Commands of administrators: `zt admin …`. Each group of them is a file beside this one.
 */
import type { Command } from 'commander'
import type { CliIo } from '../cli-io.ts'
import { addAuditCommands } from './admin-audit.ts'
import { addDeviceAdminCommands } from './admin-devices.ts'
import { addDnsCommands } from './admin-dns.ts'
import { addLogCommands } from './admin-logs.ts'
import { addKeepingCommands } from './admin-recordings.ts'
import { addReplayCommand } from './admin-replay.ts'
import { addRequestCommands } from './admin-requests.ts'
import { addServiceTokenCommands } from './admin-service-tokens.ts'
import { addSessionCommands } from './admin-sessions.ts'
import { addSshCaCommands } from './admin-ssh-ca.ts'
import { addSshSessionCommands, type WatchIo } from './admin-ssh-sessions.ts'
import { addSshTargetCommands } from './admin-ssh-targets.ts'
import { addPolicyTestCommand } from './admin-test.ts'
import type { Run } from './device.ts'
import type { RecordingIo } from './recording-io.ts'

/** All that these commands need. */
export type AdminIo = CliIo & WatchIo & Pick<RecordingIo, 'createFile'>

/** Adds `admin` and its subcommands to `program`. */
export function addAdminCommands(program: Command, io: AdminIo, run: Run): void {
  const admin = program
    .command('admin')
    .description('look after the gateway: needs its admin origin and secret (see zt --help)')
  addLogCommands(admin, io, run)
  addDnsCommands(admin, io, run)
  addPolicyTestCommand(admin, io, run)
  addReplayCommand(admin, io, run)
  addSessionCommands(admin, io, run)
  addSshSessionCommands(admin, io, run)
  addDeviceAdminCommands(admin, io, run)
  addServiceTokenCommands(admin, io, run)
  addSshTargetCommands(admin, io, run)
  addSshCaCommands(admin, io, run)
  addRequestCommands(admin, io, run)
  addAuditCommands(admin, io, run)
  addKeepingCommands(admin, io, run)
}
