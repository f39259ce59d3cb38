/**
 * How the rows of ./store.ts stand in SQL: one column for each property, checked by the compiler.
 * A column that is NULL is a property that is absent. Every statement names the tenant.
 */
import type { Device, Enrolment, RecordingRow } from './store.ts'

/** Column of each property. */
export type Columns<Row> = { readonly [Property in keyof Required<Row>]: string }

export const DEVICE_COLUMNS: Columns<Device> = {
  id: 'id',
  userId: 'user_id',
  name: 'name',
  keySha256: 'key_sha256',
  enrolledAtMs: 'enrolled_at_ms',
  lastLoginAtMs: 'last_login_at_ms',
  lastSeenAtMs: 'last_seen_at_ms',
  certificateNotAfterMs: 'certificate_not_after_ms',
  revokedAtMs: 'revoked_at_ms',
}

export const ENROLMENT_COLUMNS: Columns<Enrolment> = {
  deviceCodeSha256: 'device_code_sha256',
  userCodeSha256: 'user_code_sha256',
  keySha256: 'key_sha256',
  csrPem: 'csr_pem',
  deviceName: 'device_name',
  sourceAddress: 'source_address',
  expiresAtMs: 'expires_at_ms',
  state: 'state',
  userId: 'user_id',
  deviceId: 'device_id',
}

export const RECORDING_COLUMNS: Columns<RecordingRow> = {
  id: 'id',
  flowId: 'flow_id',
  startedAtMs: 'started_at_ms',
  endedAtMs: 'ended_at_ms',
  userEmail: 'user_email',
  deviceId: 'device_id',
  unixUser: 'unix_user',
  target: 'target',
  application: 'application',
  state: 'state',
  sizeBytes: 'size_bytes',
  file: 'file',
}

/** Values bound to a statement by name. */
export type Parameters = Readonly<Record<string, string | number | null>>

/** `SELECT` of all properties of one tenant's rows; append `AND …`. */
export function selectSql<Row>(table: string, columns: Columns<Row>): string {
  const wanted = entries(columns).map(([property, column]) => `${column} AS ${property}`)
  return `SELECT ${wanted.join(', ')} FROM ${table} WHERE tenant = @tenant`
}

/** `INSERT` of one row, or `INSERT OR REPLACE` by primary key. */
export function insertSql<Row>(
  table: string,
  columns: Columns<Row>,
  verb: 'INSERT' | 'INSERT OR REPLACE' = 'INSERT',
): string {
  const names = entries(columns).map(([, column]) => column)
  const values = entries(columns).map(([property]) => `@${property}`)
  return `${verb} INTO ${table} (tenant, ${names.join(', ')}) VALUES (@tenant, ${values.join(', ')})`
}

/** `column = @property` of each named property, for `UPDATE … SET`; other names are left out. */
export function assignments<Row>(columns: Columns<Row>, properties: readonly string[]): string {
  const wanted = entries(columns).filter(([property]) => properties.includes(property))
  return wanted.map(([property, column]) => `${column} = @${property}`).join(', ')
}

/** The values of a row: an absent property is NULL. */
export function parametersOf<Row extends object>(
  columns: Columns<Row>,
  tenant: string,
  row: Row,
): Parameters {
  const values: Record<string, string | number | null> = { tenant }
  const given = new Map<string, string | number | null | undefined>(Object.entries(row))
  for (const [property] of entries(columns)) values[property] = given.get(property) ?? null
  return values
}

/** A row as it came from SQL, without the properties that are NULL. */
export function withoutNulls<Row extends object>(row: Row): Row {
  const present = Object.entries(row).filter(([, value]) => value !== null)
  return Object.fromEntries(present) as Row
}

function entries<Row>(columns: Columns<Row>): [string, string][] {
  return Object.entries<string>(columns)
}
