/** Text from outside, made safe for a terminal. */

/** Removes C0 and C1 control characters, so that a name from outside cannot drive the terminal. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?')
}
