/**
 * Settings in force: this machine's, and the gateway's where it has a say. Pure.
 */
import type { Setting, SettingSource } from '#lib/api/setting'
import { formatPrefix, type Prefix } from '#lib/net/prefix'
import { parseSyntheticPrefix } from '#lib/net/synthetic-prefix'
import type { DeviceSettings } from '#lib/wire/control-message'
import type { DaemonConfig, SettingName } from './config.ts'
import type { Registration } from './enrol/registration.ts'
import { cleanSettings } from './route.ts'

/** What the gateway may say; none before it was ever reached. */
export type PushedSettings = Pick<
  DeviceSettings,
  'domains' | 'prefixes' | 'others' | 'synthetic' | 'lockdown' | 'lock' | 'captivePortalMs'
>

/** A value that the gateway has a say in. */
export type Joint<T> = { readonly value: T; readonly source: SettingSource }

export type JointSettings = {
  readonly others: Joint<DaemonConfig['others']>
  readonly syntheticV4: Joint<Prefix>
  readonly syntheticV6: Joint<Prefix>
  readonly lockdown: Joint<boolean>
  readonly captivePortalSeconds: Joint<number>
}

/**
 * The stricter one wins of `others`, `lockdown` and `captive_portal`. A synthetic range that is written here wins: only this machine
 * knows what else it uses; one that could hide a real host is left aside.
 */
export function jointSettings(
  config: DaemonConfig,
  pushed: PushedSettings | undefined,
): JointSettings {
  const sourceOf = (name: SettingName): SettingSource => config.sources[name] ?? 'default'
  const joint = <T>(name: SettingName, own: T, theirs: T | undefined): Joint<T> =>
    theirs === undefined
      ? { value: own, source: sourceOf(name) }
      : { value: theirs, source: 'gateway' }
  const range = (name: 'synthetic_v4' | 'synthetic_v6', version: 4 | 6, own: Prefix) => {
    const text = version === 4 ? pushed?.synthetic?.v4 : pushed?.synthetic?.v6
    const theirs = text === undefined ? undefined : parseSyntheticPrefix(version, text)
    const usable = sourceOf(name) === 'default' && theirs?.ok
    return joint(name, own, usable ? theirs.value : undefined)
  }
  const refusesOthers = config.others === 'direct' && pushed?.others === 'refuse'
  const { captivePortalSeconds: ownSeconds } = config
  const theirSeconds = Math.ceil((pushed?.captivePortalMs ?? Number.POSITIVE_INFINITY) / 1000)
  const locks = !config.lockdown && pushed?.lockdown === true
  return {
    others: joint('others', config.others, refusesOthers ? 'refuse' : undefined),
    syntheticV4: range('synthetic_v4', 4, config.syntheticV4),
    syntheticV6: range('synthetic_v6', 6, config.syntheticV6),
    lockdown: joint('lockdown', config.lockdown, locks ? true : undefined),
    captivePortalSeconds: joint(
      'captive_portal',
      ownSeconds,
      theirSeconds < ownSeconds ? theirSeconds : undefined,
    ),
  }
}

/** What a list is made of. */
export type SettingFacts = {
  readonly config: DaemonConfig
  readonly pushed: PushedSettings | undefined
  /** URL of the proxy that the environment names for the gateway. */
  readonly environmentProxy: string | undefined
}

/** Every setting with its value and where that came from; passwords are left out. */
export function listSettings(facts: SettingFacts): readonly Setting[] {
  const { config, pushed } = facts
  const own = (name: SettingName, value: Setting['value']): Setting => ({
    ...{ name, value, source: config.sources[name] ?? 'default' },
  })
  const joint = jointSettings(config, pushed)
  return [
    own('state', config.stateDir),
    own('control', config.controlPath),
    own('proxy', `127.0.0.1:${config.proxyPort}`),
    { name: 'others', ...joint.others },
    own('share_port', config.sharePort),
    own('owner_uid', config.ownerUid),
    upstreamSetting(facts),
    own('mode', config.mode),
    own('tun_name', config.tunName),
    { name: 'synthetic_v4', ...shown(joint.syntheticV4) },
    { name: 'synthetic_v6', ...shown(joint.syntheticV6) },
    own('allow_users', config.allowUsers),
    { name: 'lockdown', ...joint.lockdown },
    own('dns', config.dns),
    { name: 'captive_portal', ...joint.captivePortalSeconds },
    { name: 'domains', ...pushedList(pushed?.domains) },
    { name: 'prefixes', ...pushedList(pushed?.prefixes) },
    pushed?.lock === undefined
      ? { name: 'lock', value: false, source: 'default' }
      : { name: 'lock', value: true, source: 'gateway' },
  ]
}

function shown({ value, source }: Joint<Prefix>): Joint<string> {
  return { value: formatPrefix(value), source }
}

/** What only the gateway says. */
function pushedList(list: readonly string[] | undefined): Joint<readonly string[]> {
  return list === undefined ? { value: [], source: 'default' } : { value: list, source: 'gateway' }
}

function upstreamSetting({ config, environmentProxy }: SettingFacts): Setting {
  const name = 'upstream_proxy'
  if (config.upstreamProxy !== undefined) {
    const value = withoutCredentials(config.upstreamProxy)
    return { name, value, source: config.sources[name] ?? 'file' }
  }
  return environmentProxy === undefined
    ? { name, value: null, source: 'default' }
    : { name, value: withoutCredentials(environmentProxy), source: 'environment' }
}

/** The URL of a proxy as it may be shown. A user name alone may be a token. */
export function withoutCredentials(text: string): string {
  const full = text.includes('://') ? text : `http://${text}`
  if (!URL.canParse(full)) return '(not a URL)'
  const { protocol, username, password, host } = new URL(full)
  return `${protocol}//${username === '' && password === '' ? '' : '***@'}${host}`
}

/** What transparent mode is to do. */
export type TransparentWish = {
  readonly ownerUid: number
  readonly domains: readonly string[]
  readonly prefixes: readonly string[]
  readonly lockdown: boolean
  /** Ranges whose addresses stand for names. */
  readonly synthetic: readonly Prefix[]
  /** Hosts of the gateway, and of the proxy before it: the tunnel must not run through itself (T103). */
  readonly outsideHosts: readonly string[]
}

/**
 * @param proxyUrl the proxy before the gateway.
 * @returns undefined while nothing is known to be ours.
 */
export function transparentWish(
  config: DaemonConfig,
  registration: Registration | undefined,
  proxyUrl: string | undefined,
): TransparentWish | undefined {
  if (registration?.settings === undefined) return undefined
  const { ownerUid, settings, tunnelUrl, loginUrl } = registration
  const outside = [tunnelUrl, loginUrl, ...(proxyUrl === undefined ? [] : [proxyUrl])]
  const { lockdown, syntheticV4, syntheticV6 } = jointSettings(config, settings)
  const { domains, prefixes } = cleanSettings(settings)
  return {
    ...{ ownerUid, domains, prefixes },
    lockdown: lockdown.value,
    synthetic: [syntheticV4.value, syntheticV6.value],
    outsideHosts: outside.flatMap(hostOf),
  }
}

/** A proxy may be written without its scheme; what is no URL was refused elsewhere. */
function hostOf(text: string): string[] {
  const url = text.includes('://') ? text : `http://${text}`
  return URL.canParse(url) ? [new URL(url).hostname.replace(/^\[|\]$/g, '')] : []
}
