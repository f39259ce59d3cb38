/**
 * A policy to put in force: as it was written, which is what is stored, and as it was understood.
 */
import type { PolicyDocument } from './policy/document.ts'

export type PolicySource = { readonly text: string; readonly document: PolicyDocument }
