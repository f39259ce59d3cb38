/**
 * Which control sequences of a recording may reach a terminal. Recorded output is hostile input: the target wrote it.
 * What is allowed draws; what could set a title, write the clipboard, ask the terminal to answer, print,
 * or turn on mouse and keyboard modes is not (CVE-2003-0063 and its heirs).
 */

/** Finals of CSI without prefix and intermediates: cursor, erase, insert, delete, scroll, colours, tabs, margins. */
const CSI_FINALS = new Set('@ABCDEFGHIJKLMPSTXZ`abdefgmrsuhl')
/** DEC private modes that only change how the screen is drawn, the alternate screen included. */
const PRIVATE_MODES = new Set(['1', '5', '6', '7', '12', '25', '47', '1047', '1048', '1049'])
/** ESC finals: save and restore the cursor, line movement, tab stop, keypad, single shifts, full reset. */
const ESCAPE_FINALS = new Set('78DEHM=>NOc')
/** Line ends, tab, backspace, bell and charset shifts; no ENQ, which asks for an answer. */
const CONTROLS = new Set([0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f])

/** Whether a control character may pass. */
export function allowsControl(octet: number): boolean {
  return CONTROLS.has(octet)
}

/** Whether `ESC` and this may pass; charset designations have one intermediate. */
export function allowsEscape(sequence: string): boolean {
  return sequence.length === 1
    ? ESCAPE_FINALS.has(sequence)
    : /^[()*+][0-9A-Z]$|^#[3-68]$/.test(sequence)
}

/** Whether `ESC [` and this may pass. */
export function allowsCsi(sequence: string): boolean {
  const privateMode = /^\?([\d;]*)([hl])$/.exec(sequence)
  if (privateMode?.[1] !== undefined) {
    return privateMode[1].split(';').every((mode) => PRIVATE_MODES.has(mode))
  }
  if (sequence === '!p') return true // soft reset
  return /^[\d:;]*.$/.test(sequence) && CSI_FINALS.has(sequence.slice(-1))
}
