/**
 * Manifests as this gateway states them.
 */
import { fingerprintsOf, LOSS_BOUNDS, type Manifest } from '#lib/recording/manifest'
import type { Header } from '#lib/seal/container-format'
import type { ContainerState } from '#lib/seal/container-writer'
import type { RecordingEnd } from './recorder.ts'

/** What differs between a session that was closed and one that was cut off. */
export type ManifestParts = {
  readonly header: Header
  readonly file: ContainerState
  readonly end: RecordingEnd
  readonly state: Manifest['state']
  readonly channels?: NonNullable<Manifest['channels']>
  readonly gaps?: Manifest['gaps']
}

export function makeManifest(parts: ManifestParts): Manifest {
  const { header, file, end, state, channels, gaps = [] } = parts
  const checkpoints = { ...file.checkpoints, chain: [...file.checkpoints.chain] }
  return {
    version: 1,
    subject: header.subject,
    recipients: fingerprintsOf(header.keys),
    state,
    end: { reason: end.reason, endedAtMs: end.endedAtMs },
    file: { ...file, checkpoints },
    ...(channels && { channels }),
    gaps,
    lossBounds: LOSS_BOUNDS,
  }
}
