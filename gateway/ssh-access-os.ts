/**
 * SSH inspection, put together from keys, recordings and the policy in force.
 */
import type { Log } from '#lib/log'
import type { ServeSsh } from './enforce/ssh-service.ts'
import type { GatewayKeys } from './keys/gateway-keys.ts'
import type { LiveSessions } from './live/live-sessions.ts'
import type { CompiledPolicy } from './policy/compile.ts'
import type { PolicySnapshot } from './policy-snapshot.ts'
import type { Recordings } from './recording/recorder.ts'
import { HostKeys } from './ssh/login/host-keys.ts'
import { shortNames } from './ssh/login/short-names.ts'
import { SessionCount } from './ssh/session-count.ts'
import { serveSsh } from './ssh/ssh-proxy-server.ts'
import { SSH_TIMING } from './ssh/ssh-service-deps.ts'
import { loadAeadBinding } from './ssh/transport/aead-binding-os.ts'
import {
  CLIENT_ALGORITHMS,
  FIPS_ALGORITHMS,
  SERVER_ALGORITHMS,
} from './ssh/transport/algorithms.ts'
import type { SessionAuthorities } from './ssh-ca/ssh-authorities-store.ts'

export type SshAccessOptions = {
  readonly keys: Pick<GatewayKeys, 'hostSeed'>
  readonly authorities: SessionAuthorities
  /** Only algorithms of FIPS modules. */
  readonly fips: boolean
  readonly recordings: Recordings
  readonly live: LiveSessions
  readonly snapshot: PolicySnapshot<CompiledPolicy>
  readonly log: Log
  /** Unix milliseconds. */
  readonly now: () => number
}

export interface SshAccess {
  /** The taker of flows that are permitted as SSH. */
  readonly serve: ServeSsh
  /** Settles when every session so far has ended and its recording is closed. */
  settled(): Promise<void>
}

/** Puts it together; nothing listens. */
export function openSshAccess(options: SshAccessOptions): SshAccess {
  const { keys, authorities, recordings, live, snapshot, log, now } = options
  const sessions = new Set<Promise<unknown>>()
  const deps = {
    authorities,
    hostSeed: keys.hostSeed.export(),
    hostKeys: new HostKeys(),
    ...{ recordings, live },
    shortNames: (host: string) => shortNames(host, snapshot.current.policy.document.tunnel.domains),
    log,
    now,
    binding: loadAeadBinding(),
    ...(options.fips
      ? {
          ownKeys: 'ecdsa' as const,
          algorithms: { user: FIPS_ALGORITHMS, target: FIPS_ALGORITHMS },
        }
      : { algorithms: { user: SERVER_ALGORITHMS, target: CLIENT_ALGORITHMS } }),
    timing: SSH_TIMING,
    sessions: new SessionCount(),
  }
  return {
    serve(flow) {
      const session = serveSsh(flow, deps)
      sessions.add(session)
      const forget = (): void => {
        sessions.delete(session)
      }
      session.then(forget, forget)
      return session
    },
    async settled() {
      await Promise.allSettled(sessions)
    },
  }
}
