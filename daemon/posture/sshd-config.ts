/** Settings of an SSH server, from `sshd -T` or from its configuration files. Pure. */

/** The value behind a keyword in what `sshd -T` prints: one setting a line, keywords in lower case. */
export function printedSetting(text: string, keyword: string): string | undefined {
  const line = text.split('\n').find((one) => one.startsWith(`${keyword} `))
  return line?.slice(keyword.length + 1).trim()
}

/** A line of a configuration file that says something. */
export type SshdLine = { readonly keyword: string; readonly value: string }

/** Lines of a file in order (sshd_config(5)), without comments; keywords in lower case. */
export function parseSshdConfig(text: string): readonly SshdLine[] {
  return text.split('\n').flatMap((line) => {
    const [, keyword, value] = /^\s*([A-Za-z][A-Za-z0-9]*)(?:\s*=\s*|\s+)(.*?)\s*$/.exec(line) ?? []
    if (keyword === undefined || value === undefined) return []
    return [{ keyword: keyword.toLowerCase(), value: value.replace(/^"(.*)"$/, '$1') }]
  })
}
