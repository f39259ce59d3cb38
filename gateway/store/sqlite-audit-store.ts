/**
 * The audit log in SQLite. Written through at once; the schema refuses to change or remove a line.
 */
import type { Database } from 'better-sqlite3'
import type { AuditLine, Store } from './store.ts'

type Line = Pick<AuditLine, 'sequence' | 'line'>

/** The audit log of a store. */
export function sqliteAudit(db: Database, tenant: string): Store['audit'] {
  // The newest key, not a count: it is one look into the index.
  const newest = db.prepare<[string], { sequence: number }>(
    'SELECT sequence FROM audit_lines WHERE tenant = ? ORDER BY sequence DESC LIMIT 1',
  )
  const insertLine = db.prepare<[string, number, string, string | null]>(
    'INSERT INTO audit_lines (tenant, sequence, line, recording_id) VALUES (?, ?, ?, ?)',
  )
  const insertNode = db.prepare<[string, number, number, string]>(
    'INSERT INTO audit_nodes (tenant, level, position, hash) VALUES (?, ?, ?, ?)',
  )
  const node = db.prepare<[string, number, number], { hash: string }>(
    'SELECT hash FROM audit_nodes WHERE tenant = ? AND level = ? AND position = ?',
  )
  const lines = db.prepare<[string, number, number], { line: string }>(
    'SELECT line FROM audit_lines WHERE tenant = ? AND sequence >= ? ORDER BY sequence LIMIT ?',
  )
  const ofRecording = db.prepare<[string, string], Line>(
    'SELECT sequence, line FROM audit_lines WHERE tenant = ? AND recording_id = ? ORDER BY sequence',
  )
  const size = (): number => (newest.get(tenant)?.sequence ?? -1) + 1
  const append = db.transaction(({ sequence, line, recordingId, nodes }: AuditLine) => {
    if (sequence !== size()) return false
    insertLine.run(tenant, sequence, line, recordingId ?? null)
    for (const { level, position, hash } of nodes) insertNode.run(tenant, level, position, hash)
    return true
  })
  return {
    get size() {
      return size()
    },
    append: (line) => append.immediate(line),
    node(level, position) {
      const found = node.get(tenant, level, position)
      if (!found) throw new Error(`the audit log has no subtree ${level}/${position}`)
      return found.hash
    },
    lines: (sequence, limit) => lines.all(tenant, sequence, limit).map(({ line }) => line),
    ofRecording: (id) => ofRecording.all(tenant, id),
  }
}
