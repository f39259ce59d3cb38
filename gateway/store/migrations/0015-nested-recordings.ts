/** The session that a recorded one went on inside of. Those before this change are not known to be inside any. */
export const NESTED_RECORDINGS = `
ALTER TABLE recordings ADD COLUMN parent TEXT;
CREATE INDEX recordings_by_parent ON recordings (tenant, parent, started_at_ms, id) WHERE parent IS NOT NULL;
`
