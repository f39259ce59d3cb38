/**
 * How the rows of ./store.ts stand in SQL: one column for each property, checked by the compiler.
 * A column that is NULL is a property that is absent; one whose name ends in `_json` holds JSON text.
 * Every statement names the tenant.
 */
import type { AccessRequest } from '../access-request/access-request.ts'
import type { AppSession } from '../session/app-session.ts'
import type { Revocation } from '../session/revocation.ts'
import type { Device, Enrolment, RecordingRow, User } from './store.ts'

/** Column of each property. */
export type Columns<Row> = { readonly [Property in keyof Required<Row>]: string }

export const USER_COLUMNS: Columns<User> = {
  id: 'id',
  provider: 'provider',
  providerSubject: 'provider_subject',
  email: 'email',
  name: 'name',
  groups: 'groups_json',
  claims: 'claims_json',
  lastLoginAtMs: 'last_login_at_ms',
  disabledAtMs: 'disabled_at_ms',
}

export const DEVICE_COLUMNS: Columns<Device> = {
  id: 'id',
  userId: 'user_id',
  name: 'name',
  keySha256: 'key_sha256',
  enrolledAtMs: 'enrolled_at_ms',
  login: 'login_json',
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
  login: 'login_json',
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
  parent: 'parent',
  hold: 'hold_json',
  erased: 'erased_json',
}

export const REVOCATION_COLUMNS: Columns<Revocation> = {
  scope: 'scope',
  notBeforeMs: 'not_before_ms',
}

export const APP_SESSION_COLUMNS: Columns<AppSession> = {
  id: 'id',
  deviceId: 'device_id',
  userId: 'user_id',
  application: 'application',
  login: 'login_json',
  startedAtMs: 'started_at_ms',
  lastUsedAtMs: 'last_used_at_ms',
  endsAtMs: 'ends_at_ms',
}

export const ACCESS_REQUEST_COLUMNS: Columns<AccessRequest> = {
  id: 'id',
  kind: 'kind',
  userId: 'user_id',
  deviceId: 'device_id',
  application: 'application',
  policy: 'policy',
  purpose: 'purpose',
  state: 'state',
  requestedAtMs: 'requested_at_ms',
  expiresAtMs: 'expires_at_ms',
  approvals: 'approvals_json',
  decidedBy: 'decided_by',
  decidedAtMs: 'decided_at_ms',
  untilMs: 'until_ms',
}

/** Values bound to a statement by name. */
export type Parameters = Readonly<Record<string, string | number | null>>

/** What a `SELECT` gives: a value for each property. */
export type Found = Parameters

/** `SELECT` of all properties of one tenant's rows; append `AND …`. */
export function selectSql<Row>(table: string, columns: Columns<Row>): string {
  return `SELECT ${namedColumns(columns)} FROM ${table} WHERE tenant = @tenant`
}

/** All columns under the names of their properties, for `SELECT` and `RETURNING`. */
export function namedColumns<Row>(columns: Columns<Row>): string {
  return entries(columns)
    .map(([property, column]) => `${column} AS ${property}`)
    .join(', ')
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
  const given = new Map<string, unknown>(Object.entries(row))
  for (const [property, column] of entries(columns)) {
    values[property] = toSql(column, given.get(property))
  }
  return values
}

/** The named changes of a row, for `UPDATE`. */
export function changesOf<Row extends object>(
  columns: Columns<Row>,
  change: Partial<Row>,
): Parameters {
  const wanted = entries(columns).filter(([property]) => Object.hasOwn(change, property))
  const given = new Map<string, unknown>(Object.entries(change))
  return Object.fromEntries(wanted.map(([name, column]) => [name, toSql(column, given.get(name))]))
}

/** What SQL gave for `selectSql`, as a row; nothing stays nothing. */
export function rowOf<Row extends object>(
  columns: Columns<Row>,
  found: Found | undefined,
): Row | undefined {
  return found && presentRow(columns, found)
}

/** All that SQL gave for `selectSql`, as rows. */
export function rowsOf<Row extends object>(
  columns: Columns<Row>,
  found: readonly Found[],
): readonly Row[] {
  return found.map((one) => presentRow(columns, one))
}

function presentRow<Row extends object>(columns: Columns<Row>, found: Found): Row {
  const present = entries(columns).flatMap(([property, column]) => {
    const value = found[property] ?? null
    return value === null ? [] : [[property, fromSql(column, value)]]
  })
  return Object.fromEntries(present) as Row
}

function toSql(column: string, value: unknown): string | number | null {
  if (value === undefined || value === null) return null
  return column.endsWith('_json') ? JSON.stringify(value) : (value as string | number)
}

function fromSql(column: string, value: string | number): unknown {
  return column.endsWith('_json') ? JSON.parse(String(value)) : value
}

function entries<Row>(columns: Columns<Row>): [string, string][] {
  return Object.entries<string>(columns)
}
