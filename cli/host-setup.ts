/** The script that has a host's sshd trust our SSH authorities. Pure: text in, text out. */

export type HostSetup = {
  /** OpenSSH lines of the authorities whose certificates may log in. */
  readonly userAuthorities: readonly string[]
  /** OpenSSH's key revocation list. */
  readonly krl: Uint8Array
  /** OpenSSH line of the certificate for the host's own key. */
  readonly hostCertificate?: string
}

const LINE_LENGTH = 76

/** For root's `sh`. Running it again replaces what it wrote; `ZT_SSH_DIR` stands for /etc/ssh. */
export function hostSetupScript({ userAuthorities, krl, hostCertificate }: HostSetup): string {
  const lines = Buffer.from(krl)
    .toString('base64')
    .match(new RegExp(`.{1,${LINE_LENGTH}}`, 'g'))
  const certificate = hostCertificate === undefined ? [] : [hostCertificate]
  return [
    '#!/bin/sh',
    '# Has the sshd of this host trust SSH authorities of zt.',
    'set -eu',
    `dir=\${ZT_SSH_DIR:-/etc/ssh}`,
    'umask 022',
    'mkdir -p "$dir/sshd_config.d"',
    ...here('cat >"$dir/zt_user_ca.pub"', userAuthorities),
    ...here('base64 -d >"$dir/zt_krl.new"', lines ?? []),
    // sshd reads the list at each login: it must never see half of one.
    'mv "$dir/zt_krl.new" "$dir/zt_krl"',
    ...certificate.flatMap((line) => here('cat >"$dir/zt_host-cert.pub"', [line])),
    ...expanded('cat >"$dir/sshd_config.d/zt.conf"', [
      'TrustedUserCAKeys $dir/zt_user_ca.pub',
      'RevokedKeys $dir/zt_krl',
      ...certificate.map(() => 'HostCertificate $dir/zt_host-cert.pub'),
    ]),
    'if [ "$dir" = /etc/ssh ]; then',
    '  sshd=$(command -v sshd || echo /usr/sbin/sshd)',
    '  "$sshd" -t',
    '  systemctl reload ssh 2>/dev/null || systemctl reload sshd 2>/dev/null || echo "reload sshd now" >&2',
    'fi',
  ].join('\n')
}

/** A here-document that the shell leaves as it is. */
function here(command: string, lines: readonly string[]): readonly string[] {
  return [`${command} <<'ZT'`, ...lines, 'ZT']
}

function expanded(command: string, lines: readonly string[]): readonly string[] {
  return [`${command} <<ZT`, ...lines, 'ZT']
}
