/**
 * `zt admin audit`: the audit log into a file, to be verified elsewhere.
 */
import type { Command } from 'commander'
import { type CliIo, EXIT, report } from '../cli-io.ts'
import type { Run } from './device.ts'
import type { RecordingIo } from './recording-io.ts'

/** Adds `audit` to `admin`. */
export function addAuditCommands(
  admin: Command,
  io: CliIo & Pick<RecordingIo, 'createFile'>,
  run: Run,
): void {
  admin
    .command('audit')
    .description('what administrators did, and what happened to recordings')
    .command('export')
    .description('write the whole audit log as JSON lines, with a signed checkpoint at its end')
    .requiredOption('--out <file>', 'new file, mode 0600')
    .addHelpText(
      'after',
      '\nExample:\n  $ zt admin audit export --out audit.jsonl\n  $ zt verify --audit audit.jsonl',
    )
    .action(({ out }: { readonly out: string }) =>
      run(async () => {
        const log = await io.admin.getBytes('/api/v1/audit')
        if (!log.ok) return report(io, log.error)
        const file = await io.createFile(out)
        if (!file.ok) return report(io, file.error)
        for await (const chunk of log.value) await file.value.write(chunk)
        await file.value.close()
        return EXIT.ok
      }),
    )
}
