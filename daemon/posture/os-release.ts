/** /etc/os-release (freedesktop.org): lines of KEY=VALUE, values perhaps quoted as a shell has it. Pure. */

/** `ID` and `VERSION_ID`, where both are there. Never throws. */
export function parseOsRelease(
  text: string,
): { readonly id: string; readonly version: string } | undefined {
  const values = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, key, value] = /^([A-Z_]+)=(.*?)\s*$/.exec(line) ?? []
    if (key !== undefined && value !== undefined) values.set(key, unquoted(value))
  }
  const id = values.get('ID')
  const version = values.get('VERSION_ID')
  return id && version ? { id, version } : undefined
}

function unquoted(value: string): string {
  const [, , inner] = /^(["'])(.*)\1$/.exec(value) ?? []
  return (inner ?? value).replace(/\\(["$`\\])/g, '$1')
}
