/** Which domain or realm a machine has joined, from the files of sssd, Samba and Kerberos. Pure. */

/** `domains` of the section `[sssd]`, and the domains that have sections. */
export function sssdDomains(text: string): readonly string[] {
  const sections = [...text.matchAll(/^\s*\[domain\/([^\]\s]+)\]/gm)].map(([, name = '']) => name)
  const listed = valuesOf(text, 'sssd', 'domains').flatMap((value) => value.split(/[\s,]+/))
  return unique([...listed, ...sections])
}

/** `realm` of Samba, which a joined machine has with `security = ads`. */
export function sambaDomains(text: string): readonly string[] {
  const isJoined = valuesOf(text, 'global', 'security').some((one) => one.toLowerCase() === 'ads')
  return isJoined ? unique(valuesOf(text, 'global', 'realm')) : []
}

/** `default_realm`: counts only beside a keytab of the machine, which joining makes. */
export function kerberosRealms(text: string): readonly string[] {
  return unique(valuesOf(text, 'libdefaults', 'default_realm'))
}

/** Values of a key in a section of an INI file. */
function valuesOf(text: string, section: string, key: string): string[] {
  let current = ''
  return text.split('\n').flatMap((line) => {
    const [, opened] = /^\s*\[([^\]]+)\]/.exec(line) ?? []
    if (opened !== undefined) current = opened.trim().toLowerCase()
    const [, name, value] = /^\s*([^#;=\s][^=]*?)\s*=\s*(.*?)\s*$/.exec(line) ?? []
    return current === section && name?.toLowerCase() === key && value ? [value] : []
  })
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names.filter((name) => name !== ''))]
}
