/** Why the daemon does not start: a stable reason, and a sentence with the remedy. */
export type StartFailure = { readonly reason: string; readonly detail: string }

export function stateFailure(reason: string, file: string): StartFailure {
  const remedy =
    reason === 'registration_open_to_others'
      ? 'Others can read it, so its key is no secret: remove it and enrol again, or restore mode 0600 and 0700.'
      : 'It is damaged: remove it and run "zt enroll" again.'
  return { reason, detail: `${file}: ${remedy}` }
}

export const UPSTREAM_FAILURES = {
  bad_proxy_url: {
    reason: 'bad_proxy_url',
    detail:
      'upstream_proxy is no URL of a proxy: socks5://, socks4a://, http:// or https://HOST:PORT.',
  },
  upstream_is_self: {
    reason: 'upstream_is_self',
    detail: 'upstream_proxy is this daemon itself; the tunnel would wait for itself.',
  },
} as const

export const CONTROL_FAILURES = {
  already_running: {
    reason: 'already_running',
    detail: 'A daemon answers at the control socket already.',
  },
  control_folder_open: {
    reason: 'control_folder_open',
    detail: 'Other users can write to the folder of the control socket; choose another --control.',
  },
  control_peers_unknown: {
    reason: 'control_peers_unknown',
    detail:
      'Without the package koffi the control socket needs a folder with mode 0700 of the user who owns the daemon.',
  },
} as const
