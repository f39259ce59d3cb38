/** What a host permits to the holder of an SSH certificate. */
/** As ssh-keygen(1) names them. */
export const SSH_EXTENSIONS = [
  'permit-pty',
  'permit-port-forwarding',
  'permit-agent-forwarding',
  'permit-X11-forwarding',
  'permit-user-rc',
] as const
export type SshExtension = (typeof SSH_EXTENSIONS)[number]
