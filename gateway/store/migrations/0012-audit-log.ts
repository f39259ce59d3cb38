/** The audit log, its hash tree, and what became of a recording: held, or erased. Lines can only be added. */
export const AUDIT_LOG = `
CREATE TABLE audit_lines (
  tenant TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  line TEXT NOT NULL CHECK (json_valid(line)),
  recording_id TEXT,
  PRIMARY KEY (tenant, sequence)
) STRICT;
CREATE INDEX audit_lines_by_recording ON audit_lines (tenant, recording_id, sequence) WHERE recording_id IS NOT NULL;
CREATE TRIGGER audit_lines_stay BEFORE UPDATE ON audit_lines BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
CREATE TRIGGER audit_lines_are_kept BEFORE DELETE ON audit_lines BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
CREATE TABLE audit_nodes (
  tenant TEXT NOT NULL,
  level INTEGER NOT NULL,
  position INTEGER NOT NULL,
  hash TEXT NOT NULL,
  PRIMARY KEY (tenant, level, position)
) STRICT, WITHOUT ROWID;
ALTER TABLE recordings ADD COLUMN hold_json TEXT CHECK (json_valid(hold_json));
ALTER TABLE recordings ADD COLUMN erased_json TEXT CHECK (json_valid(erased_json));
`
