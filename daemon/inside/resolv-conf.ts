/** The resolv.conf that a program inside sees: our server, and what else stood there. Pure. */

/** @param original text of the machine's own (resolv.conf(5)). */
export function insideResolvConf(original: string, server: string): string {
  const kept = original
    .split('\n')
    .filter((line) => /^(search|domain|options|sortlist)\s/.test(line))
  return `${['# Of zt run.', `nameserver ${server}`, ...kept].join('\n')}\n`
}
