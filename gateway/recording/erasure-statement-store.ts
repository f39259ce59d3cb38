/** What stays in the place of an erased recording: the gateway's signed statement. */
import { signErasure } from '#lib/recording/erasure'
import type { EvidenceSigner } from '#lib/recording/evidence-signature'
import type { RecordingRow } from '../store/store.ts'
import { boundTo } from './recording-audit.ts'
import type { RecordingFolder } from './recording-folder-store.ts'

/** Removes a file whose keys are destroyed, once the statement about it stands. */
export async function leaveStatement(
  { id, file, erased }: Required<Pick<RecordingRow, 'id' | 'file' | 'erased'>>,
  folder: RecordingFolder,
  signer: EvidenceSigner,
): Promise<void> {
  const manifest = await folder.readManifest(file)
  const statement = await signErasure({ session: id, ...erased, ...boundTo(manifest) }, signer)
  await folder.replace(file, statement)
}
