/**
 * `zt verify`: off line, of what an auditor was given: a folder of recordings, the audit log, what witnesses kept, an
 * evidence bundle. `zt recordings verify` is about one recording.
 */
import type { Command } from 'commander'
import { AUDIT_LINE_LIMIT } from '#lib/audit/audit-entry'
import { type AuditVerdict, AuditVerifier } from '#lib/audit/audit-verifier'
import { type FolderFinding, findInFolder, type RecordingFate } from '#lib/audit/recording-fates'
import { err, ok, type Result } from '#lib/result'
import { createLineCutter } from '#lib/wire/line-cutter'
import { type CliFailure, EXIT, report } from '../cli-io.ts'
import { lookAtFolder } from '../recordings/look-at-folder.ts'
import { printAudit, printErased, printFinding } from '../recordings/print-audit.ts'
import type { ByteSource } from '../recordings/read-recording.ts'
import type { Run } from './device.ts'
import { collect, type Io, KEY_FLAGS, readAll } from './recording-io.ts'
import { verifyBundle } from './verify-bundle.ts'

type Options = {
  readonly audit?: string
  readonly key: readonly string[]
  readonly witness: readonly string[]
  readonly evidenceKey: readonly string[]
  readonly json?: boolean
}

/** Adds `verify` to `program`. */
export function addVerifyCommand(program: Command, io: Io, run: Run): void {
  program
    .command('verify')
    .description('say off line whether an audit log, a folder of recordings, or a bundle is whole')
    .argument('[path]', 'folder of recordings that the log is about, or an evidence bundle')
    .option('--audit <file>', 'audit log, from "zt admin audit export"')
    .option(KEY_FLAGS, 'private key: every chunk in a bundle is opened', collect, [])
    .option(
      '--witness <file>',
      'checkpoints that somebody else kept, one a line (witness.jws of a device)',
      collect,
      [],
    )
    .option(
      '--evidence-key <file>',
      'public key of the gateway that must have signed, PEM or JWK',
      collect,
      [],
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExit code 0: consistent, 7: incomplete, 8: tampered with, or something is missing.\n\nExample:\n  $ zt verify recordings --audit audit.jsonl --witness witness.jws --evidence-key evidence.pub',
    )
    .action((path: string | undefined, options: Options) =>
      run(() =>
        path !== undefined && io.isFile(path)
          ? verifyBundle(io, path, options)
          : verify(io, path, options),
      ),
    )
}

async function verify(io: Io, folder: string | undefined, options: Options): Promise<number> {
  const keys = await readAll(options.evidenceKey, io.readEvidenceKey)
  if (!keys.ok) return report(io, keys.error)
  if (options.audit === undefined) return report(io, NO_AUDIT)
  const files = [options.audit, ...options.witness]
  const missing = files.find((file) => !io.isFile(file))
  if (missing !== undefined) return report(io, noFile(missing))
  const trusted = keys.value.length === 0 ? {} : { evidenceKeys: keys.value }
  const witness = await readAll(options.witness, (file) => readWitness(io, file))
  if (!witness.ok) return report(io, witness.error)
  const verifier = new AuditVerifier({ witness: witness.value.flat(), ...trusted })
  const verdict = await verifyLog(verifier, io.openFile(options.audit))
  const names = folder === undefined ? [] : io.readFolder(folder)
  if (names === undefined) return report(io, noFile(folder ?? ''))
  const found = await lookAtFolder(io, folder ?? '', names, trusted)
  const isCompared = folder !== undefined && verdict.status !== 'tampered'
  const findings = isCompared ? findInFolder(verifier.fates, found) : []
  const erased = isCompared ? [...verifier.fates.values()].filter((one) => one.erased) : []
  show(io, { verdict, findings, erased, recordings: found.size }, options)
  if (verdict.status === 'tampered' || findings.length > 0) return EXIT.tampered
  return verdict.status === 'consistent' ? EXIT.ok : EXIT.incomplete
}

type Outcome = {
  readonly verdict: AuditVerdict
  readonly findings: readonly FolderFinding[]
  readonly erased: readonly RecordingFate[]
  readonly recordings: number
}

function show(io: Io, outcome: Outcome, { json }: Options): void {
  const { verdict, findings, erased, recordings } = outcome
  if (json) {
    const gone = erased.map((one) => ({ id: one.id, ...one.erased }))
    io.print(JSON.stringify({ ...verdict, findings, erased: gone, recordings }))
    return
  }
  for (const line of printAudit(verdict)) io.print(line)
  for (const one of erased) io.print(printErased(one))
  for (const finding of findings) io.print(printFinding(finding))
  if (recordings > 0 && findings.length === 0 && verdict.status !== 'tampered') {
    io.print(`${recordings} recordings: every one as the log says`)
  }
}

async function verifyLog(verifier: AuditVerifier, source: ByteSource): Promise<AuditVerdict> {
  for await (const line of cut(source)) {
    const verdict = await verifier.push(line)
    if (verdict !== undefined) return verdict
  }
  return verifier.end()
}

/** A line that is too long ends the log: what follows is none of ours. */
async function* cut(source: ByteSource): AsyncGenerator<string> {
  const cutter = createLineCutter(AUDIT_LINE_LIMIT)
  for await (const chunk of source) {
    const { lines, overflow } = cutter.push(chunk)
    for (const line of lines) yield Buffer.from(line).toString('utf8')
    if (overflow) yield ''
  }
  // A last line may stand without its line feed.
  const [rest = new Uint8Array(0)] = cutter.push(Buffer.from('\n')).lines
  if (rest.length > 0) yield Buffer.from(rest).toString('utf8')
}

/** One without a checkpoint is refused: it would leave the tail to whoever emptied it. */
async function readWitness(io: Io, file: string): Promise<Result<readonly string[], CliFailure>> {
  const lines: string[] = []
  for await (const line of cut(io.openFile(file))) if (line !== '') lines.push(line)
  const message = `${file} has no checkpoint.`
  return lines.length > 0
    ? ok(lines)
    : err({ code: 'empty_witness', message, exitCode: EXIT.usage })
}

const NO_AUDIT: CliFailure = {
  code: 'no_audit_log',
  message: 'Name an evidence bundle, or an audit log with --audit.',
  exitCode: EXIT.usage,
}

function noFile(path: string): CliFailure {
  return { code: 'no_such_file', message: `${path} cannot be read.`, exitCode: EXIT.usage }
}
