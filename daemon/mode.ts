/** Whether this machine can do what `mode` asks for. Pure. */
import type { DaemonConfig } from './config.ts'

/** What it depends on. */
export type ModeFacts = { readonly platform: string; readonly hasKoffi: boolean }

/** Why not, with the remedy; undefined: it can. */
export function modeObstacle(
  { mode }: Pick<DaemonConfig, 'mode'>,
  { platform, hasKoffi }: ModeFacts,
): { readonly reason: 'transparent_unsupported'; readonly detail: string } | undefined {
  if (mode === 'proxy') return undefined
  if (platform !== 'linux') {
    return unsupported(`Transparent mode is not on this system (${platform}) yet.`)
  }
  return hasKoffi ? undefined : unsupported('Transparent mode needs the npm package koffi.')
}

function unsupported(cause: string) {
  const remedy = 'Start with --mode proxy, and point programs at the proxy port.'
  return { reason: 'transparent_unsupported', detail: `${cause} ${remedy}` } as const
}
