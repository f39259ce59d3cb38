/** Prints lines: styled on a terminal, plain into files and pipes, or when NO_COLOR is set. */
import { stripVTControlCharacters } from 'node:util'

/** @param noColour the variable NO_COLOR: any text but an empty one turns styles off (no-color.org). */
export function linesTo(
  stream: Pick<NodeJS.WriteStream, 'isTTY' | 'write'>,
  noColour: string | undefined,
): (line: string) => void {
  const styled = stream.isTTY === true && !noColour
  return (line) => void stream.write(`${styled ? line : stripVTControlCharacters(line)}\n`)
}
