/** What daemons are told to treat as ours, from the policy in force. */
import { formatPrefix } from '#lib/net/prefix'
import type { DeviceSettings } from '#lib/wire/control-message'
import type { PolicyDocument } from '../policy/document.ts'
import type { ServiceIdentity } from '../policy/facts.ts'
import { requestOf } from '../policy/posture-check.ts'

/**
 * @param hostAuthorities OpenSSH lines of the ssh-host-ca: the key that signs first, then those before it that still count.
 * @param service set for a device of a service.
 * @param overrideKey key of codes that lift the lock of the device.
 */
export function deviceSettings(
  { tunnel, postureChecks }: Pick<PolicyDocument, 'tunnel' | 'postureChecks'>,
  hostAuthorities: readonly string[],
  service: ServiceIdentity | undefined,
  overrideKey: () => Uint8Array,
): DeviceSettings {
  return {
    domains: tunnel.domains,
    prefixes: tunnel.prefixes.map(formatPrefix),
    others: tunnel.others,
    sshHostAuthorities: hostAuthorities,
    postureRequests: postureChecks.map(requestOf),
    ...(service !== undefined && { service: serviceSettings(service) }),
    ...(tunnel.synthetic !== undefined && { synthetic: syntheticSettings(tunnel.synthetic) }),
    ...(tunnel.lockdown && { lockdown: true }),
    ...(tunnel.lock && {
      lock: { overrideKey: Buffer.from(overrideKey()).toString('base64url') },
    }),
    ...(tunnel.captivePortalMs !== undefined && { captivePortalMs: tunnel.captivePortalMs }),
  }
}

/** Settings as a daemon of this version of the messages understands them: it refuses keys that it does not know. */
export function settingsIn(version: number, settings: DeviceSettings): DeviceSettings {
  if (version > 3) return settings
  const { captivePortalMs: _, ...third } = settings
  if (version === 3) return third
  const { lock: __, ...second } = third
  if (version === 2) return second
  const { synthetic: ___, lockdown: ____, ...first } = second
  return first
}

function syntheticSettings({
  v4,
  v6,
}: NonNullable<PolicyDocument['tunnel']['synthetic']>): NonNullable<DeviceSettings['synthetic']> {
  return { ...(v4 && { v4: formatPrefix(v4) }), ...(v6 && { v6: formatPrefix(v6) }) }
}

function serviceSettings({
  name,
  expiresAtMs,
}: ServiceIdentity): NonNullable<DeviceSettings['service']> {
  return { name, ...(expiresAtMs !== undefined && { expiresAtMs }) }
}
