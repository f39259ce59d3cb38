/**
 * Where daemon and `zt` meet when nobody says otherwise. Pure: the environment is an argument.
 */

/** What the paths depend on. */
export type PathFacts = {
  /** Effective uid. */
  readonly uid: number
  readonly home: string
  /** `XDG_RUNTIME_DIR`, if set. */
  readonly runtimeDir?: string | undefined
  /** `XDG_STATE_HOME`, if set. */
  readonly stateHome?: string | undefined
}

export type DefaultPaths = {
  /** Folder of key, certificate and registration, mode 0700. */
  readonly stateDir: string
  /** Unix socket of the daemon; its folder is the daemon's own. */
  readonly controlPath: string
}

/** Port of the proxy on 127.0.0.1. */
export const DEFAULT_PROXY_PORT = 7080

const SYSTEM_STATE = '/var/lib/zt'
const SYSTEM_CONTROL = '/run/zt/control.sock'

/** State: of a system service for root, of the XDG base directory specification for anyone else. */
export function defaultPaths({ uid, home, runtimeDir, stateHome }: PathFacts): DefaultPaths {
  const stateDir = uid === 0 ? SYSTEM_STATE : `${stateHome || `${home}/.local/state`}/zt`
  return { stateDir, controlPath: controlPathIn(runtimeDir, uid === 0, stateDir) }
}

function controlPathIn(runtimeDir: string | undefined, isRoot: boolean, stateDir: string): string {
  if (runtimeDir) return `${runtimeDir}/zt/control.sock`
  return isRoot ? SYSTEM_CONTROL : `${stateDir}/control.sock`
}
