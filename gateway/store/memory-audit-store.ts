/**
 * The audit log of the store that forgets at exit.
 */
import type { AuditLine, Store } from './store.ts'

export function memoryAudit(): Store['audit'] {
  const lines: AuditLine[] = []
  const nodes = new Map<string, string>()
  return {
    get size() {
      return lines.length
    },
    append(line) {
      if (line.sequence !== lines.length) return false
      lines.push(line)
      for (const { level, position, hash } of line.nodes) nodes.set(`${level}/${position}`, hash)
      return true
    },
    node(level, position) {
      const hash = nodes.get(`${level}/${position}`)
      if (hash === undefined) throw new Error(`the audit log has no subtree ${level}/${position}`)
      return hash
    },
    lines: (sequence, limit) => lines.slice(sequence, sequence + limit).map(({ line }) => line),
    ofRecording: (id) =>
      lines
        .filter(({ recordingId }) => recordingId === id)
        .map(({ sequence, line }) => ({ sequence, line })),
  }
}
