/** `zt recordings bundle`: a session with all that vouches for it, in one file. */
import type { Command } from 'commander'
import { z } from 'zod'
import {
  INDEX_MEMBER,
  README,
  README_MEMBER,
  RECORDING_MEMBER,
  STATED_MEMBERS,
} from '#lib/evidence/bundle'
import { TAR_END, tarHead, tarMember, tarPadding } from '#lib/evidence/tar'
import { readAnswer } from '../admin-answer.ts'
import { type CliFailure, EXIT, report } from '../cli-io.ts'
import type { Run } from './device.ts'
import type { Io } from './recording-io.ts'

const evidence = z.object({
  members: z.record(z.string(), z.string()),
  recordingBytes: z.int().nonnegative(),
})

/** Adds `bundle` to `recordings`. */
export function addBundle(recordings: Command, io: Io, run: Run): void {
  recordings
    .command('bundle')
    .description('write a sealed recording with all that vouches for it into one file')
    .argument('<id>', 'id of the recording')
    .requiredOption('--out <file>', 'new file (tar), mode 0600')
    .addHelpText(
      'after',
      '\nExample:\n  $ zt recordings bundle ID --out session.tar\n  $ zt verify session.tar --evidence-key evidence.pub',
    )
    .action((id: string, { out }: { readonly out: string }) => run(() => bundle(io, id, out)))
}

async function bundle(io: Io, id: string, out: string): Promise<number> {
  const path = `/api/v1/recordings/${encodeURIComponent(id)}`
  const answer = await io.admin.getJson(`${path}/evidence`)
  const stated = answer.ok ? readAnswer(evidence, answer.value) : answer
  if (!stated.ok) return report(io, stated.error)
  const content = await io.admin.getBytes(`${path}/content`)
  if (!content.ok) return report(io, content.error)
  const file = await io.createFile(out)
  if (!file.ok) return report(io, file.error)
  const { members, recordingBytes } = stated.value
  const texts: Readonly<Record<string, string>> = { ...members, [README_MEMBER]: README }
  for (const name of [README_MEMBER, INDEX_MEMBER, ...STATED_MEMBERS]) {
    const text = texts[name]
    if (text !== undefined) await file.value.write(tarMember(name, Buffer.from(text)))
  }
  await file.value.write(tarHead(RECORDING_MEMBER, recordingBytes))
  let written = 0
  for await (const chunk of content.value) {
    written += chunk.length
    await file.value.write(chunk)
  }
  await file.value.write(tarPadding(recordingBytes))
  await file.value.write(TAR_END)
  await file.value.close()
  return written === recordingBytes ? EXIT.ok : report(io, OTHER_SIZE)
}

const OTHER_SIZE: CliFailure = {
  code: 'other_size',
  message: 'The recording has another size than its manifest says; the file is no bundle.',
  exitCode: EXIT.tampered,
}
