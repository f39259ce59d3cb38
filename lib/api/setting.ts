/** A setting of the daemon as `zt settings` shows it. Types only. */

/** Where a value came from; a later one wins over an earlier one, the gateway only where it has a say. */
export type SettingSource = 'default' | 'environment' | 'file' | 'flag' | 'gateway'

export type Setting = {
  /** Key of the file. */
  readonly name: string
  /** As it is used. null: nothing is set. Passwords are left out. */
  readonly value: string | number | boolean | readonly (string | number)[] | null
  readonly source: SettingSource
}
