/**
 * Which part of a finished line is the command that was sent. What was typed only serves to recognise it: every letter
 * that is given out stood on the screen.
 */
import type { FinishedLine, Mark } from './line-screen.ts'
import type { TypedLine } from './typed-line.ts'

/** What of a line is the command. */
export type Seen = {
  readonly shown: string
  readonly confidence: 'medium' | 'low'
  /** What it stood behind. */
  readonly prompt?: string
}

/**
 * Looks for what was sent in a line that was just finished.
 * @param marks where typing began, and prompts that are known.
 * @returns undefined when this is not the line, or not yet all of it.
 */
export function matchLine(
  line: TypedLine,
  finished: FinishedLine,
  marks: readonly (Mark | undefined)[],
): Seen | undefined {
  const [began] = marks
  const whole = line.text.includes('\n') && began ? finished.since(began) : finished.text
  for (const mark of marks) {
    const prompt = promptOf(whole, finished, mark)
    if (prompt === undefined) continue
    const shown = shownBehind(prompt, line, whole)
    if (shown === undefined) break
    return { shown, confidence: prompt.trim() === '' ? 'low' : 'medium', prompt }
  }
  return matchAtEnd(line, finished)
}

/** The prompt that the line has before what was typed; an empty one counts only on the very line. */
function promptOf(
  whole: string,
  finished: FinishedLine,
  mark: Mark | undefined,
): string | undefined {
  if (!mark) return undefined
  if (mark.prompt.trim() === '') return finished.has(mark) ? mark.prompt : undefined
  return whole.startsWith(mark.prompt.trimEnd()) ? mark.prompt : undefined
}

/** The command behind a prompt; undefined when this is not yet, or not, the line that was sent. */
function shownBehind(prompt: string, line: TypedLine, whole: string): string | undefined {
  const shown = whole.slice(prompt.length)
  if (line.edited || shown.trim() === '') return shown
  const [wanted, got] = [line.text.trim(), shown.trim()]
  return wanted === got || (wanted.endsWith(got) && !wanted.includes('\n')) ? shown : undefined
}

/**
 * Typed before its prompt was there: the same words at the end of a line, or most of them, when a program took the
 * first keys. What is given is what the screen shows.
 */
function matchAtEnd({ text, edited }: TypedLine, finished: FinishedLine): Seen | undefined {
  const wanted = text.trim()
  const line = finished.text.trimEnd()
  const common = commonEnd(wanted, line)
  if (edited || common === 0 || common < wanted.length / 2) return undefined
  const before = line.slice(0, line.length - common)
  const shown = line.slice(line.length - common)
  return before === '' || /[\s$#%>:]$/.test(before) ? { shown, confidence: 'low' } : undefined
}

function commonEnd(one: string, other: string): number {
  const limit = Math.min(one.length, other.length)
  let length = 0
  while (length < limit && one.at(-1 - length) === other.at(-1 - length)) length++
  return length
}
