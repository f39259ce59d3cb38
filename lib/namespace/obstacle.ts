/** What keeps users of a system from namespaces of their own, and what to do about it. Pure. */

/** Settings of the kernel; undefined where a kernel has none of that name. */
export type NamespaceFacts = {
  /** kernel.unprivileged_userns_clone, of Debian's kernels. */
  readonly unprivilegedClone?: number
  /** user.max_user_namespaces. */
  readonly largestCount?: number
  /** kernel.apparmor_restrict_unprivileged_userns, of Ubuntu's. */
  readonly apparmorRestricts?: number
}

export type NamespaceObstacle = 'user_namespaces_off' | 'user_namespaces_restricted'

/** Cause and remedy. */
export const NAMESPACE_OBSTACLES: Readonly<
  Record<NamespaceObstacle, readonly [cause: string, remedy: string]>
> = {
  user_namespaces_off: [
    'This system lets no user make user namespaces: "zt run" does not work.',
    'Set kernel.unprivileged_userns_clone=1 and user.max_user_namespaces above 0 by sysctl.',
  ],
  user_namespaces_restricted: [
    'AppArmor restricts user namespaces to programs with a profile: "zt run" does not work.',
    'Give zt an AppArmor profile with "userns,", or set kernel.apparmor_restrict_unprivileged_userns=0.',
  ],
}

/** undefined: nothing that these settings tell. */
export function namespaceObstacle(facts: NamespaceFacts): NamespaceObstacle | undefined {
  const { unprivilegedClone = 1, largestCount = 1, apparmorRestricts = 0 } = facts
  if (unprivilegedClone === 0 || largestCount === 0) return 'user_namespaces_off'
  return apparmorRestricts === 0 ? undefined : 'user_namespaces_restricted'
}
