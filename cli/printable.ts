/** Text from outside, made safe for a terminal. */

/** Removes C0 and C1 control characters, so that a name from outside cannot drive the terminal. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?')
}

/**
 * A text on one line, with everything visible that a terminal would obey, hide or use to change the order of letters
 * (CVE-2021-42574): controls and format characters stand as `\u{202e}`, line ends as `\n`.
 */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) =>
    char === '\n' ? '\\n' : `\\u{${char.codePointAt(0)?.toString(16)}}`,
  )
}
