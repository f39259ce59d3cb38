/**
 * The tree of `zt` commands. Pure: everything they do goes through the handed-in Io.
 */
import { Command } from 'commander'
import type { CliIo } from './cli-io.ts'
import { addAdminCommands } from './commands/admin.ts'
import { addDeviceCommands, type Run } from './commands/device.ts'
import { addDoctorCommand, type DoctorIo } from './commands/doctor.ts'
import { addExamples } from './commands/examples.ts'
import { addExplainCommand } from './commands/explain.ts'
import { addPostureCommand } from './commands/posture.ts'
import { addPromptsCommand, type PromptIo } from './commands/prompts.ts'
import type { RecordingIo } from './commands/recording-io.ts'
import { addRecordingCommands } from './commands/recordings.ts'
import { addRunCommand, type RunIo } from './commands/run.ts'
import { addSshCommands, type SshIo } from './commands/ssh.ts'
import { addLoginCommand, addSshCertCommand, type SshCertIo } from './commands/ssh-cert.ts'
import { addVerifyCommand } from './commands/verify.ts'

const EPILOGUE = `
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no daemon, 4 denied, 5 not enrolled, 6 gateway not reachable,
7 recording incomplete, 8 recording tampered with. "zt ssh" ends with the exit code of ssh, "zt run" with the program's.

Environment: ZT_CONTROL (control socket), ZT_ADMIN_URL, ZT_ADMIN_CA, ZT_ADMIN_TOKEN (admin API),
ZT_SERVICE_TOKEN_FILE (zt enroll).`

/** All that the commands need. */
export type ProgramIo = CliIo & DoctorIo & PromptIo & RunIo & SshIo & SshCertIo & RecordingIo

/** Options before the command. */
export type GlobalOptions = {
  readonly control?: string
  readonly adminUrl?: string
  readonly adminCa?: string
  readonly adminTokenFile?: string
}

/**
 * Builds the program.
 * @param ioOf makes the Io once the global options are known.
 * @param onExitCode told the exit code of the command that ran.
 */
export function buildProgram(
  ioOf: (options: GlobalOptions) => ProgramIo,
  onExitCode: (code: number) => void,
): Command {
  const program = new Command('zt')
    .description('zero-trust access from your terminal')
    .option('--control <path>', 'control socket of the daemon')
    .option('--admin-url <origin>', 'admin origin of the gateway')
    .option('--admin-ca <file>', 'CA of the admin origin, PEM')
    .option('--admin-token-file <file>', 'file with the admin secret, mode 0600')
    .enablePositionalOptions()
    // Inherited by every command: exit codes are ours.
    .exitOverride()
    .showHelpAfterError('(zt --help lists commands and examples)')
    .addHelpText('after', EPILOGUE)
  const io = lazily(() => ioOf(program.opts<GlobalOptions>()))
  const run: Run = async (action) => onExitCode(await action())
  addDeviceCommands(program, io, run)
  addLoginCommand(program, io, run)
  addExplainCommand(program, io, run)
  addDoctorCommand(program, io, run)
  addPostureCommand(program, io, run)
  addPromptsCommand(program, io, run)
  addRunCommand(program, io, run)
  addSshCommands(program, io, run)
  addSshCertCommand(program, io, run)
  addRecordingCommands(program, io, run)
  addVerifyCommand(program, io, run)
  addAdminCommands(program, io, run)
  addExamples(program)
  return program
}

/** Options are known only after parsing; commands use Io only when they run. */
function lazily(make: () => ProgramIo): ProgramIo {
  let made: ProgramIo | undefined
  const io = (): ProgramIo => {
    made ??= make()
    return made
  }
  return {
    print: (line) => io().print(line),
    warn: (line) => io().warn(line),
    askDaemon: (request, onPrompt) => io().askDaemon(request, onPrompt),
    watchDaemon: (onEvent, signal) => io().watchDaemon(onEvent, signal),
    notifyDesktop: (summary, body) => io().notifyDesktop(summary, body),
    admin: {
      getJson: (path) => io().admin.getJson(path),
      postJson: (path, body) => io().admin.postJson(path, body),
      getBytes: (path) => io().admin.getBytes(path),
      lines: (path, options) => io().admin.lines(path, options),
    },
    secrets: {
      read: (path) => io().secrets.read(path),
      create: (path) => io().secrets.create(path),
      replace: (path, text) => io().secrets.replace(path, text),
    },
    askSecretLine: (question) => io().askSecretLine(question),
    get serviceTokenFile() {
      return io().serviceTokenFile
    },
    get agentSocket() {
      return io().agentSocket
    },
    addToAgent: (socket, wish) => io().addToAgent(socket, wish),
    now: () => io().now(),
    readText: (path) => io().readText(path),
    writeFile: (path, content) => io().writeFile(path, content),
    doctorAlone: (bundle) => io().doctorAlone(bundle),
    writeArchive: (path, archive, force) => io().writeArchive(path, archive, force),
    runInside: (argv, options) => io().runInside(argv, options),
    get controlPath() {
      return io().controlPath
    },
    get selfArgv() {
      return io().selfArgv
    },
    hasSocksNetcat: () => io().hasSocksNetcat(),
    runSsh: (argv, knownHosts) => io().runSsh(argv, knownHosts),
    keepKnownHosts: (text) => io().keepKnownHosts(text),
    connect: (proxy, to, onAnswered) => io().connect(proxy, to, onAnswered),
    isFile: (path) => io().isFile(path),
    openFile: (path) => io().openFile(path),
    readFolder: (path) => io().readFolder(path),
    readManifest: (path) => io().readManifest(path),
    readErasure: (path) => io().readErasure(path),
    readKey: (path) => io().readKey(path),
    createKey: (path, kem) => io().createKey(path, kem),
    write: (chunk) => io().write(chunk),
    createFile: (path) => io().createFile(path),
    sleep: (delayMs) => io().sleep(delayMs),
    onScreen: (replay) => io().onScreen(replay),
    readEvidenceKey: (path) => io().readEvidenceKey(path),
  }
}
