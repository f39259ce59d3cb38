/**
 * SFTP version 3 (draft-ietf-secsh-filexfer-02 section 3): the message types that are used here, and a limit of theirs.
 */

/** Message types used here. */
export const SFTP = {
  init: 1,
  version: 2,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  opendir: 11,
  realpath: 16,
  rename: 18,
  symlink: 20,
  status: 101,
  handle: 102,
  data: 103,
  name: 104,
  extended: 200,
} as const

/** Longest handle (section 6.2). */
export const HANDLE_LIMIT = 256
