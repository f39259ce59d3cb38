/**
 * A shell that marks its commands in its own output (OSC 133), where an application asks for it: the request for a
 * shell becomes one for this command. lib/recording/mark-reader.ts reads the marks back.
 *
 * It is bash as a login shell would set it up, but started by a command: what the server prints at a login is missing,
 * and another shell of the user is replaced. A user who wants to can undo it; it sees what people do, not what they hide.
 */

import { randomBytes } from 'node:crypto'

/** A nonce for one shell, which nothing that is printed by chance or in bad faith can hold. */
export function newNonce(): string {
  return randomBytes(16).toString('hex')
}

/** A nonce is letters and digits, so that it stands in a shell script and in a mark as it is. */
const NONCE = /^[A-Za-z0-9]{16,64}$/

const START_UP = `exec 9<&-
[ -r /etc/profile ] && . /etc/profile
for __zt_file in ~/.bash_profile ~/.bash_login ~/.profile; do
  [ -r "$__zt_file" ] && { . "$__zt_file"; break; }
done
unset __zt_file
__zt_last() { HISTTIMEFORMAT= builtin history 1 | base64 2>/dev/null | tr -d '\\n'; }
__zt_done() { local code=$?; printf '\\e]133;D;NONCE;%s;%s\\a' "$code" "$(__zt_last)"; return "$code"; }
PS0='\\e]133;C;NONCE;$(__zt_last)\\a'"\${PS0-}"
PROMPT_COMMAND="__zt_done\${PROMPT_COMMAND:+;$PROMPT_COMMAND}"`

/**
 * The command to run instead of the shell; any POSIX shell of the user runs it. Without bash, the user's own shell starts.
 * @throws {RangeError} when the nonce is none.
 */
export function markedShell(nonce: string): string {
  if (!NONCE.test(nonce)) throw new RangeError('not a nonce')
  return `command -v bash >/dev/null || exec "\${SHELL:-/bin/sh}" -l
exec bash --rcfile /dev/fd/9 -i 9<<'ZT_START_UP'
${START_UP.replaceAll('NONCE', nonce)}
ZT_START_UP
`
}
