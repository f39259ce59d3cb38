/** `zt doctor`: what this machine assumes and whether it holds; `--bundle` writes it into one redacted file. */
import type { Command } from 'commander'
import type { DoctorReport } from '#lib/api/doctor-api'
import { ok, type Result } from '#lib/result'
import { type CliFailure, type CliIo, EXIT, report } from '../cli-io.ts'
import { archiveOf } from '../doctor-archive.ts'
import { doctorExitCode, doctorText } from '../doctor-text.ts'
import type { Run } from './device.ts'

/** What the doctor does to the machine. */
export type DoctorIo = {
  /** Looks by a process of its own, where no daemon answers. */
  doctorAlone(bundle: boolean): Promise<Result<DoctorReport, CliFailure>>
  /** Compresses and writes; see ../doctor-os.ts. */
  writeArchive(path: string, archive: Uint8Array, force: boolean): Result<void, CliFailure>
}

type Options = {
  readonly json?: boolean
  readonly bundle?: string | true
  readonly force?: boolean
}

/** Adds the command to `program`. */
export function addDoctorCommand(program: Command, io: CliIo & DoctorIo, run: Run): void {
  program
    .command('doctor')
    .description('look for what keeps this device from working, and say what to do about it')
    .option('--json', 'print JSON')
    .option(
      '--bundle [file]',
      'write findings, status, settings and log, redacted, into a new file (tar.gz)',
    )
    .option('--force', 'replace that file if it exists')
    .addHelpText(
      'after',
      '\nExit codes: 0 no problem, 1 a problem, 2 it could not look, or not write the file.\n\nExample:\n  $ zt doctor --bundle report.tar.gz',
    )
    .action((options: Options) => run(() => doctor(io, options)))
}

async function doctor(io: CliIo & DoctorIo, options: Options): Promise<number> {
  const { bundle, force = false } = options
  const found = await consult(io, bundle !== undefined)
  if (!found.ok) return report(io, { ...found.error, exitCode: EXIT.usage })
  const { findings, members = {} } = found.value
  io.print(options.json ? JSON.stringify({ findings }) : doctorText(findings))
  if (bundle !== undefined) {
    const path = bundle === true ? fileName(io.now()) : bundle
    const written = io.writeArchive(path, archiveOf(members), force)
    if (!written.ok) return report(io, written.error)
    io.warn(`zt: wrote ${path}; read it before you send it on`)
  }
  return doctorExitCode(findings)
}

async function consult(
  io: CliIo & DoctorIo,
  bundle: boolean,
): Promise<Result<DoctorReport, CliFailure>> {
  const answer = await io.askDaemon({ method: 'doctor', bundle })
  if (answer.ok && answer.value.method === 'doctor') return ok(answer.value.report)
  if (answer.ok || answer.error.code === 'daemon_not_running') return io.doctorAlone(bundle)
  return answer
}

/** In the folder where one stands. */
function fileName(nowMs: number): string {
  return `zt-doctor-${new Date(nowMs).toISOString().slice(0, 19).replace(/[-:]/g, '')}.tar.gz`
}
