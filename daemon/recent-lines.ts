/** The newest lines of a log, kept in memory within two bounds. Pure. */

const LINES_LIMIT = 500
const OCTETS_LIMIT = 256 * 1024

export class RecentLines {
  #lines: string[] = []
  #octets = 0

  /** Keeps a line; the oldest go. A line that is longer than all may be is not kept. */
  write(line: string): void {
    const octets = Buffer.byteLength(line)
    if (octets > OCTETS_LIMIT) return
    this.#lines.push(line)
    this.#octets += octets
    while (this.#lines.length > LINES_LIMIT || this.#octets > OCTETS_LIMIT) {
      this.#octets -= Buffer.byteLength(this.#lines.shift() ?? '')
    }
  }

  /** Oldest first. */
  get lines(): readonly string[] {
    return [...this.#lines]
  }
}
