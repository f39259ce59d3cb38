/**
 * What the composition needs of a configuration, resolved: paths are absolute, addresses are parsed.
 */
import type { PolicyDocument } from './policy/document.ts'

/** Where a listener listens; port 0 takes any free one. */
export type ListenAddress = { readonly host: string; readonly port: number }

export type ListenerSettings = {
  readonly listen: ListenAddress
  /** The origin under which it is known. */
  readonly url: URL
  /** Of a public CA; both or none. */
  readonly certificateFile?: string
  readonly keyFile?: string
}

export type GatewaySettings = {
  readonly organisation: string
  readonly tunnel: ListenerSettings
  readonly login: ListenerSettings
  readonly admin: ListenerSettings
  /** Fixed addresses by canonical host name. */
  readonly hosts: Readonly<Record<string, string>>
}

/** A policy to put in force: as it was written, and as it was understood. */
export type PolicySource = { readonly text: string; readonly document: PolicyDocument }
