/** `zt verify BUNDLE`: one session, with all that vouches for it. */
import { type BundleVerdict, BundleVerifier } from '#lib/evidence/bundle-verifier'
import { EXIT, report } from '../cli-io.ts'
import { printBundle } from '../recordings/print-audit.ts'
import { type Io, openWithKeys, readAll } from './recording-io.ts'

type Options = {
  readonly key: readonly string[]
  readonly evidenceKey: readonly string[]
  readonly json?: boolean
}

const BUNDLE_EXIT = {
  complete: EXIT.ok,
  incomplete: EXIT.incomplete,
  tampered: EXIT.tampered,
  unverified: EXIT.denied,
} as const

/** Prints the verdict. @returns the exit code. */
export async function verifyBundle(io: Io, path: string, options: Options): Promise<number> {
  const evidenceKeys = await readAll(options.evidenceKey, io.readEvidenceKey)
  if (!evidenceKeys.ok) return report(io, evidenceKeys.error)
  const opened = await openWithKeys(io, path, options.key)
  if (!opened.ok) return report(io, opened.error)
  const { source, keys } = opened.value
  const verifier = new BundleVerifier({
    ...(keys.length > 0 && { keys }),
    ...(evidenceKeys.value.length > 0 && { evidenceKeys: evidenceKeys.value }),
  })
  let verdict: BundleVerdict | undefined
  for await (const bytes of source) {
    verdict = await verifier.push(bytes)
    if (verdict !== undefined) break
  }
  verdict ??= await verifier.end()
  if (options.json) io.print(JSON.stringify(verdict))
  else for (const line of printBundle(verdict)) io.print(line)
  return BUNDLE_EXIT[verdict.status]
}
