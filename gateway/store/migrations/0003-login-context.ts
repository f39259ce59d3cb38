/**
 * How the last login was done, and claims that policies may name. A device that enrolled before has a login of which
 * nothing but the time is known.
 */
export const LOGIN_CONTEXT = `
ALTER TABLE users ADD COLUMN claims_json TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(claims_json));
ALTER TABLE devices ADD COLUMN login_json TEXT NOT NULL DEFAULT '{"atMs":0}' CHECK (json_valid(login_json));
UPDATE devices SET login_json = json_object('atMs', last_login_at_ms);
ALTER TABLE devices DROP COLUMN last_login_at_ms;
ALTER TABLE enrolments ADD COLUMN login_json TEXT CHECK (login_json IS NULL OR json_valid(login_json));
`
