/** FIPS mode: what of a configuration it does not allow, and which keys it does. See docs/reference/fips.md. Pure. */
import type { Mistake } from '#lib/config/mistake'
import type { PolicyDocument } from './policy/document.ts'

/** Types of SSH keys that may sign. */
const KEY_TYPES: readonly string[] = ['ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ssh-rsa']

/** Names of TLS: 1.3 first, and 1.2 with forward secrecy only. */
export const FIPS_TLS = {
  ciphers: [
    ...['TLS_AES_256_GCM_SHA384', 'TLS_AES_128_GCM_SHA256'],
    ...['ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384'],
    ...['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256'],
  ].join(':'),
  curves: 'P-384:P-256',
} as const

/** @param keyOrLine type of an SSH key, or an OpenSSH line that begins with it. */
export function isFipsKey(keyOrLine: string): boolean {
  return KEY_TYPES.includes(keyOrLine.split(' ', 1)[0] ?? '')
}

/** Keys of hosts that would never be accepted, each with its place below `policy`. */
export function fipsMistakes({ applications, sshTargets }: PolicyDocument): Mistake[] {
  return [
    ...applications.flatMap(({ ssh }, at) =>
      ssh === undefined ? [] : keyMistakes(ssh, ['applications', at, 'ssh']),
    ),
    ...sshTargets.flatMap((target, at) => keyMistakes(target, ['ssh_targets', at])),
  ]
}

type HostKeys = {
  readonly hostKeys: readonly string[]
  readonly hostAuthorities: readonly string[]
}

function keyMistakes(
  { hostKeys, hostAuthorities }: HostKeys,
  path: readonly (string | number)[],
): Mistake[] {
  const lists = [
    ['host_keys', hostKeys],
    ['host_authorities', hostAuthorities],
  ] as const
  return lists.flatMap(([key, lines]) =>
    lines.flatMap((line, at) =>
      isFipsKey(line)
        ? []
        : [
            {
              path: ['policy', ...path, key, at],
              message: 'in FIPS mode this is an ECDSA (P-256, P-384) or RSA key',
            },
          ],
    ),
  )
}
